//! One file of a control group: a number, a word, or lines of `key value`.
//! It never creates a file: one that is missing means that the kernel lacks the feature or the group is gone.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use nix::errno::Errno;

use crate::sys::errno_of;

/// The text of a file, without the line's end.
pub(super) fn read(path: &Path) -> Result<String, Errno> {
    let text = std::fs::read_to_string(path).map_err(|error| errno_of(&error))?;
    Ok(text.trim_end().to_owned())
}

/// Writes in one call, as the kernel wants it: each write to such a file is one command.
pub(super) fn write(path: &Path, value: &str) -> Result<(), Errno> {
    let opened = OpenOptions::new().write(true).truncate(true).open(path);
    opened.and_then(|mut file| file.write_all(value.as_bytes())).map_err(|error| errno_of(&error))
}

/// The number in a file; `u64::MAX` where the kernel says `max`, or a negative number for "no limit".
pub(super) fn number(path: &Path) -> Result<u64, Errno> {
    parse(&read(path)?)
}

pub(super) fn parse(text: &str) -> Result<u64, Errno> {
    match text.trim() {
        "max" | "-1" => Ok(u64::MAX),
        other => other.parse().map_err(|_not_a_number| Errno::EBADMSG),
    }
}

/// The value behind `key` in lines of `key value`.
pub(super) fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// What is read, or nothing where the file does not exist: kernels differ in what they count.
pub(super) fn optional<T>(read: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_words_for_no_limit_are_the_largest_number_and_rubbish_is_an_error() {
        assert_eq!(["max\n", "-1", "17\n"].map(parse), [Ok(u64::MAX), Ok(u64::MAX), Ok(17)]);
        assert_eq!(["", "-2", "1 2", "many"].map(parse), [Err(Errno::EBADMSG); 4]);
    }

    #[test]
    fn a_key_matches_whole_and_not_by_its_beginning() {
        let text = "oom 3\noom_kill 1\noom_kill_disable 0";
        assert_eq!(
            [keyed(text, "oom_kill"), keyed(text, "oom"), keyed(text, "oo")],
            [Some(1), Some(3), None]
        );
    }

    #[test]
    fn a_missing_file_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pids.max");
        assert_eq!(write(&path, "1"), Err(Errno::ENOENT));
        assert!(!path.exists());
        assert_eq!(optional(number(&path)), Ok(None));
    }
}
