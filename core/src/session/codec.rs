//! The binary form of what a record seals: fields one after the other, in the order in which they are read, each
//! of a fixed length or with its length in front. Numbers are big-endian.
//!
//! A record is read at every request, and this costs a tenth of JSON.

use zeroize::Zeroizing;

/// More than what only a share opens of a session usually is.
const USUAL_BYTES: usize = 2048;

/// Writes fields. They are wiped once they are sealed.
pub(crate) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(USUAL_BYTES)))
    }

    /// A field of fixed length.
    pub(crate) fn array<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.append(bytes);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.append(&number.to_be_bytes());
    }

    /// A field with its length in front.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).expect("every field is bounded by crate::limits");
        self.append(&length.to_be_bytes());
        self.append(bytes);
    }

    /// The last field.
    pub(crate) fn rest(&mut self, bytes: &[u8]) {
        self.append(bytes);
    }

    /// Whether there is a value, and the value.
    pub(crate) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.append(&[u8::from(value.is_some())]);
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// What was written so far.
    pub(crate) fn written(&self) -> &[u8] {
        &self.0
    }

    /// What was written.
    pub(crate) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    fn append(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            // A vector that grows by itself would leave what it held behind.
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * needed));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }
}

/// Reads fields: `None` as soon as there is no such field.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(u32::from_be_bytes(self.array()?)).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// A value that may be left out: the inner `None` if it is.
    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.array()? {
            [0] => Some(None),
            [1] => read(self).map(Some),
            [_] => None,
        }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Whether all was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, if nothing follows it.
    pub(crate) fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::new();
        writer.array(&[7; 3]);
        writer.number(u64::MAX - 1);
        writer.bytes("é".as_bytes());
        writer.optional(Some(5), Writer::number);
        writer.optional(None, Writer::number);
        writer.finish()
    }

    type Fields<'a> = ([u8; 3], u64, &'a str, Option<u64>, Option<u64>);

    fn read(bytes: &[u8]) -> Option<Fields<'_>> {
        let mut reader = Reader::new(bytes);
        let fields = (
            reader.array()?,
            reader.number()?,
            reader.text()?,
            reader.optional(Reader::number)?,
            reader.optional(Reader::number)?,
        );
        reader.end(fields)
    }

    #[test]
    fn fields_that_were_written_are_read_and_nothing_else_is() {
        let written = written();
        let fields = ([7; 3], u64::MAX - 1, "é", Some(5), None);
        assert_eq!(read(&written), Some(fields));
        for length in 0..written.len() {
            assert_eq!(read(&written[..length]), None);
        }
        assert_eq!(read(&[&written[..], b"x"].concat()), None);
        let mut changed = written.to_vec();
        *changed.last_mut().unwrap() = 2;
        assert_eq!(read(&changed), None, "neither there nor left out");
        let mut changed = written.to_vec();
        changed[16] = 0xff;
        assert_eq!(read(&changed), None, "no text");
        changed[11] = 0xff;
        assert_eq!(read(&changed), None, "a length of four billion");
    }

    // G4
    #[test]
    fn fields_that_do_not_fit_leave_nothing_behind() {
        let mut writer = Writer::new();
        let long = vec![1; 3 * USUAL_BYTES];
        writer.number(1);
        writer.bytes(&long);
        writer.bytes(&long);
        let written = writer.finish();
        assert_eq!(written.len(), 8 + 2 * (4 + long.len()));
        let mut reader = Reader::new(&written);
        assert_eq!(reader.number(), Some(1));
        assert_eq!(reader.bytes(), Some(&long[..]));
    }
}
