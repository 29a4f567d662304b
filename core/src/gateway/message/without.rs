//! Parameters that are taken out of a message.

use memchr::{memchr, memmem};

use super::{MessageKind, RawMessage};
use crate::gateway::{raw_edit, raw_json::Members};

impl RawMessage {
    /// Whether there may be a member of this name somewhere: it stands there as it is, or is written with escapes.
    fn may_have(&self, path: &[&str]) -> bool {
        let text = self.text.as_bytes();
        let is_written = |name: &&str| memmem::find(text, name.as_bytes()).is_some();
        path.last().is_some_and(is_written) || memchr(b'\\', text).is_some()
    }

    /// The same message without the parameter at this path, if there is one.
    pub(crate) fn without(self, path: &[&str]) -> Self {
        let cut = || {
            let (last, above) = path.split_last()?;
            let mut at = self.params.clone()?;
            for name in above {
                at = Members::of(&self.text, at).ok()?.get(name)?;
            }
            raw_edit::without_members(&self.text, at, &[last]).ok()
        };
        let is_there = self.may_have(path) && self.param_at(path).is_some();
        let without = is_there.then(cut).flatten();
        without
            .and_then(|text| Self::read(&text).ok())
            .unwrap_or(self)
    }

    /// The same message without parameters that are `null`: some write that for none, and clients take only an object.
    pub(crate) fn without_null_params(self) -> Self {
        let whole = 0..self.text.len();
        let may_have_params = !matches!(self.kind, MessageKind::Response { .. });
        let is_null = may_have_params
            && self.params.is_none()
            && Members::of(&self.text, whole.clone())
                .is_ok_and(|members| members.get("params").is_some());
        let cut = || raw_edit::without_members(&self.text, whole, &["params"]).ok();
        let without = is_null.then(cut).flatten();
        without
            .and_then(|text| Self::of_checked(&text).ok())
            .unwrap_or(self)
    }
}
