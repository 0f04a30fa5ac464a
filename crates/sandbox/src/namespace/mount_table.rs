//! The mounts of this namespace as the kernel lists them in `/proc/self/mountinfo`.
//! It reports; what should be there is `view`'s to compare.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the kernel's")]
pub(crate) struct MountView {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The type of its file system.
    pub(crate) kind: String,
    /// Whether nothing of it can be changed.
    pub(crate) read_only: bool,
    /// Whether set-user-id programs gain nothing.
    pub(crate) no_suid: bool,
    /// Whether devices on it do not open.
    pub(crate) no_dev: bool,
    /// Whether nothing on it runs.
    pub(crate) no_exec: bool,
    /// Whether mounts made elsewhere can appear in it.
    pub(crate) shared: bool,
}

/// Reads the text of `mountinfo`; `None` if a line has another form.
pub(super) fn parse(text: &str) -> Option<Vec<MountView>> {
    text.lines().map(line).collect()
}

/// `36 35 98:0 /top /where ro,noatime shared:1 - ext4 /dev/x rw`: the fields before the hyphen vary in number.
fn line(line: &str) -> Option<MountView> {
    let (mount, files) = line.split_once(" - ")?;
    let fields: Vec<&str> = mount.split(' ').collect();
    let [_id, _parent, _device, _top, path, flags, tags @ ..] = fields.as_slice() else { return None };
    let has = |flag: &str| flags.split(',').any(|found| found == flag);
    Some(MountView {
        path: PathBuf::from(plain(path)?),
        kind: files.split(' ').next()?.to_owned(),
        read_only: has("ro"),
        no_suid: has("nosuid"),
        no_dev: has("nodev"),
        no_exec: has("noexec"),
        shared: tags.iter().any(|tag| tag.starts_with("shared:") || tag.starts_with("master:")),
    })
}

/// The kernel writes space, tab, line feed, backslash and hash as a backslash and three octal digits.
fn plain(path: &str) -> Option<String> {
    let mut parts = path.split('\\');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(3)?;
        bytes.push(u8::from_str_radix(digits, 8).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
