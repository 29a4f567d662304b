//! The pages that a person sees. No script, no image or font from elsewhere; they work with a
//! keyboard, in the dark and on a phone.

pub(crate) mod home;
pub(crate) mod style;
