//! The escape suite: a hostile plugin makes every attempt of the list, and gets exactly what the list says.
//! The list stands in `src/escape`, the attempts in `src/bin/plugdock-escape`. A profile is one line.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use plugdock_testkit::escape::{
    Heard, Host, Profile, SECRET_VARIABLE, Verdict, deaths, judge, rows, tried_rows,
};
use plugdock_testkit::harness::{LeakOracle, processes_naming};
use plugdock_testkit::suite::alone;

/// The hostile program, which is its own host too.
const PROGRAM: &str = env!("CARGO_BIN_EXE_plugdock-escape");

/// A user that owns nothing.
const NOBODY: u32 = 65_534;

/// What the host holds and no worker may find.
const SECRET: &str = "the-secret-of-the-host-73b1";

/// Runs the host as that user, and answers what it heard.
fn heard(root: &Path, profile: Profile, uid: u32) -> Vec<Heard> {
    let mut command = Command::new(PROGRAM);
    command.args(["host".as_ref(), root.as_os_str(), profile.as_str().as_ref()]);
    command.env(SECRET_VARIABLE, SECRET).stdin(Stdio::null()).process_group(0).current_dir("/");
    if uid != 0 && is_root() {
        // Changing the user and starting the program again is one step, so the host can be looked at by its own user.
        command.uid(uid).gid(uid);
    }
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the host failed: {:?}, {said}", output.status);
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:\t0\t0\t"))
}

/// Everything that was heard, against everything that is listed.
fn verdicts(heard: &[Heard], profile: Profile, host: Host) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for row in tried_rows() {
        let mut of_row = heard.iter().filter(|heard| heard.id == row.id && heard.in_own_process.is_none());
        let one = of_row.next().unwrap_or_else(|| panic!("{} was not run", row.id));
        assert!(of_row.next().is_none(), "{} was run twice", row.id);
        assert_eq!(one.error, None, "{} has no answer", row.id);
        verdicts.extend(judge(&row, profile, host, &one.attempted));
    }
    for row in deaths() {
        let of_row = heard.iter().filter(|heard| heard.id == row.id && heard.in_own_process.is_some());
        let attempted: Vec<_> = of_row.flat_map(|heard| heard.attempted.clone()).collect();
        verdicts.extend(judge(row, profile, host, &attempted));
    }
    verdicts
}

#[expect(clippy::print_stdout, reason = "the table is what the suite is for")]
fn check(profile: Profile, host: Host) {
    if host == Host::Root && !is_root() {
        assert!(std::env::var_os("CI").is_none(), "the suite runs as root where nobody looks at it");
        println!("{profile}: not run for root's host, because this is none");
        return;
    }
    let _alone = alone();
    let oracle = LeakOracle::before();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    let uid = if host == Host::Root { 0 } else { NOBODY };
    if is_root() {
        std::os::unix::fs::chown(&path, Some(uid), Some(uid)).unwrap();
    }
    let heard = heard(&path, profile, uid);
    let verdicts = verdicts(&heard, profile, host);
    println!("{profile}, {host:?}: id | attempt | expected | got");
    for verdict in &verdicts {
        println!("{verdict}");
    }
    let wrong: Vec<String> =
        verdicts.iter().filter(|verdict| !verdict.is_right).map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), verdicts.len(), wrong.join("\n"));
    assert_eq!(processes_naming(&path), []);
    oracle.check(&path);
}

/// The suite under one profile, for root's host and for another user's.
macro_rules! escape_suite {
    ($($name:ident: $profile:ident;)*) => {
        $(mod $name {
            use super::{Host, Profile, check};

            #[test]
            fn as_root() {
                check(Profile::$profile, Host::Root);
            }

            #[test]
            fn as_another_user() {
                check(Profile::$profile, Host::User);
            }
        })*
    };
}

escape_suite! {
    trusted: Trusted;
    restricted: Restricted;
}

/// Whether the sources of a crate hold a test of that name.
fn holds(dir: &Path, name: &str) -> bool {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds(&path, name);
        }
        path.extension().is_some_and(|end| end == "rs")
            && fs::read_to_string(&path).unwrap().contains(&format!("fn {name}("))
    })
}

#[test]
fn tests_that_prove_a_row_elsewhere_exist() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let missing: Vec<(&str, &str)> = rows()
        .into_iter()
        .flat_map(|row| row.proof.elsewhere().iter().map(move |test| (row.id, *test)))
        .filter(|(_, test)| {
            let (package, name) = test.split_once(": ").unwrap();
            let dir = crates.join(package);
            !(holds(&dir.join("src"), name) || dir.join("tests").is_dir() && holds(&dir.join("tests"), name))
        })
        .collect();
    assert_eq!(missing, []);
}
