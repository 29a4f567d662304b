//! What the table of events is made of.

macro_rules! events {
    ($($(#[doc = $meaning:literal])+
       $event:ident = $id:literal, $level:ident, $sentence:literal, [$($field:ident),*];)+) => {
        /// What happened: decides the id, the level and the sentence of a line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum LogEventId {
            $($(#[doc = $meaning])+ $event,)+
        }

        impl LogEventId {
            /// Every event, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$event),+];

            /// Returns the stable id, such as `sign_in.replayed`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$event => $id,)+
                }
            }

            /// Returns how loud it is.
            #[must_use]
            pub fn level(self) -> Level {
                match self {
                    $(Self::$event => Level::$level,)+
                }
            }

            /// Returns the sentence beside the id.
            #[must_use]
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$event => $sentence,)+
                }
            }

            /// Returns the fields that its lines may have, besides `request_id`.
            #[must_use]
            pub fn fields(self) -> &'static [Field] {
                match self {
                    $(Self::$event => &[$(Field::$field),*],)+
                }
            }

            /// Returns what it means for an operator, as `core/LOG.md` says it.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$event => concat!($($meaning),+).trim_ascii(),)+
                }
            }
        }
    };
}

pub(super) use events;
