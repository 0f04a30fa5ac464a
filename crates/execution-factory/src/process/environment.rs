//! The environment of a worker: a short list made from scratch.
//! Nothing of the host's environment enters it but what the caller names.

use std::path::Path;

use plugdock_sandbox::channel::{CHANNEL_DESCRIPTOR, CHANNEL_VARIABLE};

/// Where programs are searched: the directories every Linux system has, and none a user can write.
pub(super) const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// UTF-8 text without any language's sorting or messages.
const LOCALE: &str = "C.UTF-8";

/// What every worker finds: a fixed `PATH` and `LANG`, `HOME` and `TMPDIR` inside its workspace, and the number of its
/// channel.
pub fn scrubbed(home: &Path, temporary: &Path) -> Vec<(String, String)> {
    [
        ("PATH", SEARCH_PATH.to_owned()),
        ("LANG", LOCALE.to_owned()),
        ("HOME", home.to_string_lossy().into_owned()),
        ("TMPDIR", temporary.to_string_lossy().into_owned()),
        (CHANNEL_VARIABLE, CHANNEL_DESCRIPTOR.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// [`scrubbed`] with those of the named variables that this process has and that are text. A name can neither
/// replace what is fixed nor be one of plugdock's own.
pub fn scrubbed_with<'a>(
    home: &Path,
    temporary: &Path,
    allow: impl IntoIterator<Item = &'a str>,
) -> Vec<(String, String)> {
    merge(scrubbed(home, temporary), allow, |name| std::env::var(name).ok())
}

fn merge<'a>(
    mut base: Vec<(String, String)>,
    allow: impl IntoIterator<Item = &'a str>,
    lookup: impl Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    for name in allow {
        // Wrong names would make an entry that means something else.
        let wrong = name.is_empty() || name.contains(['=', '\0']) || name.starts_with("PLUGDOCK_");
        if wrong || base.iter().any(|(taken, _)| taken == name) {
            continue;
        }
        if let Some(value) = lookup(name) {
            base.push((name.to_owned(), value));
        }
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_variables_enter_and_none_replaces_what_is_fixed() {
        let host = |name: &str| Some(format!("host's {name}"));
        let allow = ["TZ", "PATH", "PLUGDOCK_ROLE", "A=B", "", "TZ"];
        let merged = merge(scrubbed(Path::new("/w"), Path::new("/w/tmp")), allow, host);
        let text: Vec<String> = merged.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            text,
            [
                "PATH=/usr/local/bin:/usr/bin:/bin",
                "LANG=C.UTF-8",
                "HOME=/w",
                "TMPDIR=/w/tmp",
                "PLUGDOCK_CHANNEL_FD=3",
                "TZ=host's TZ",
            ]
        );
    }

    #[test]
    fn an_absent_variable_makes_no_entry() {
        let merged = merge(Vec::new(), ["NO_SUCH"], |_| None);
        assert!(merged.is_empty());
    }
}
