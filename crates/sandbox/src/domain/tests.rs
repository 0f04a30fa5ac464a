//! The plan as data, and a real domain in a forked child.

use std::path::Path;

use plugdock_contracts::permission::{Grant, PermissionKind, Permissions};

use super::*;

fn granted(kind: PermissionKind, scope: &[&str]) -> Permissions {
    Permissions::from_grants([Grant::new(kind, scope.iter().copied())]).unwrap()
}

fn grants(permissions: &Permissions) -> Vec<String> {
    let plan = DomainPlan::compute(permissions, 7);
    let granted = plan.rules.iter().filter(|rule| rule.origin == RuleOrigin::Grant);
    granted.map(|rule| format!("{} {}", rule.access.as_str(), rule.path.display())).collect()
}

#[test]
fn a_directory_that_is_granted_whole_is_opened_and_a_narrower_pattern_is_not() {
    let read = granted(
        PermissionKind::FsRead,
        &["/data", "/logs/**", "/src/**/*.rs", "/a/*", "workspace", "plugin/x"],
    );
    assert_eq!(grants(&read), ["read /data", "read /logs"]);
    assert_eq!(grants(&granted(PermissionKind::FsWrite, &["/out"])), ["write /out"]);
    assert_eq!(grants(&Permissions::deny_all()), Vec::<String>::new());
}

#[test]
fn of_two_lists_only_what_both_cover_is_opened() {
    let wide = granted(PermissionKind::FsRead, &["/data", "/only-here"]);
    let narrow = granted(PermissionKind::FsRead, &["/data/part", "/only-there", "/data-evil"]);
    assert_eq!(grants(&wide.intersect(&narrow)), ["read /data/part"]);
    assert_eq!(grants(&narrow.intersect(&wide)), ["read /data/part"]);
    assert_eq!(grants(&wide.intersect(&granted(PermissionKind::FsWrite, &["/data"]))), Vec::<String>::new());
}

#[test]
fn identity_leaves_the_workers_own_directories_out_and_nothing_else() {
    let plan = DomainPlan::compute(&Permissions::deny_all(), 7);
    let mut own = plan.clone();
    own.allow(FileRule::new("/w/1", FileAccess::Write, RuleOrigin::Own));
    own.allow(FileRule::new("/w/1", FileAccess::Write, RuleOrigin::Own));
    assert_eq!(own.rules.len(), plan.rules.len() + 1);
    assert_eq!(own.identity(), plan.identity());
    let mut other = plan.clone();
    other.allow(FileRule::new("/data", FileAccess::Read, RuleOrigin::Grant));
    assert_ne!(other.identity(), plan.identity());
    assert_ne!(DomainPlan::compute(&Permissions::deny_all(), 6).identity(), plan.identity());
}

/// Runs `act` in a forked child under the domain and answers what it wrote.
fn inside(plan: &DomainPlan, act: impl FnOnce() -> String) -> String {
    use std::io::{Read as _, Write as _};
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    #[expect(unsafe_code, reason = "a domain cannot be left, so it is tried in a child")]
    // SAFETY: the child uses allocation and plain system calls, as the spawner's child does, and ends with `_exit`.
    // The allocator's locks are reset by the C library at a fork.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        drop(reader);
        let text = match restrict(plan) {
            Ok(()) => act(),
            Err((step, errno)) => format!("failed to {step}: {errno}"),
        };
        let written = writer.write_all(text.as_bytes());
        #[expect(unsafe_code, reason = "a forked child must not run the destructors of its parent")]
        // SAFETY: the call does not return.
        unsafe {
            libc::_exit(i32::from(written.is_err()))
        }
    }
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
    text
}

fn word<T>(result: std::io::Result<T>) -> String {
    result.map_or_else(
        |error| format!("{:?}", nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0))),
        |_| "ok".to_owned(),
    )
}

#[test]
fn inside_a_domain_only_what_a_rule_opens_is_open() {
    let own = tempfile::tempdir().unwrap();
    let closed = tempfile::tempdir().unwrap();
    std::fs::write(closed.path().join("secret"), "x").unwrap();
    let abi =
        *crate::HostCapabilities::probe().landlock_abi.known().expect("a kernel that tells its version");
    assert!(
        abi >= MIN_LANDLOCK_ABI,
        "this test needs Landlock {MIN_LANDLOCK_ABI} or newer, the kernel has {abi}"
    );
    let mut plan = DomainPlan::compute(&Permissions::deny_all(), abi);
    plan.allow(FileRule::new(own.path(), FileAccess::Write, RuleOrigin::Own));
    plan.allow(FileRule::new("/no/such/file", FileAccess::Read, RuleOrigin::Grant));
    let (mine, theirs) = (own.path().join("made"), closed.path().join("secret"));
    let run = own.path().join("program");
    std::fs::copy("/bin/true", &run).unwrap();
    let text = inside(&plan, || {
        [
            ("write own", word(std::fs::write(&mine, "mine"))),
            ("read own", word(std::fs::read(&mine))),
            ("run own", word(nix_exec(&run))),
            ("read closed", word(std::fs::read(&theirs))),
            ("write closed", word(std::fs::write(&theirs, "y"))),
            ("remove closed", word(std::fs::remove_file(&theirs))),
            ("rename into own", word(std::fs::rename(&theirs, own.path().join("stolen")))),
            ("list root", word(std::fs::read_dir("/"))),
            ("null", word(std::fs::write("/dev/null", "x"))),
            ("library", word(std::fs::read_dir("/usr/lib"))),
            ("passwd", word(std::fs::read("/etc/passwd"))),
        ]
        .map(|(what, answer)| format!("{what}: {answer}"))
        .join("\n")
    });
    let expected = "write own: ok\nread own: ok\nrun own: EACCES\nread closed: EACCES\nwrite closed: EACCES\n\
                    remove closed: EACCES\nrename into own: EACCES\nlist root: EACCES\nnull: ok\nlibrary: ok\npasswd: EACCES";
    assert_eq!(text, expected);
}

/// Answers why a program cannot be run; never runs one that can, since the child would be gone.
fn nix_exec(program: &Path) -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = std::ffi::CString::new(program.as_os_str().as_bytes()).unwrap();
    match nix::unistd::execv(&path, &[&path]) {
        Err(errno) => Err(errno.into()),
        Ok(never) => match never {},
    }
}

#[test]
fn the_walls_are_seen_from_inside_and_missing_outside() {
    let abi =
        *crate::HostCapabilities::probe().landlock_abi.known().expect("a kernel that tells its version");
    let plan = DomainPlan::compute(&Permissions::deny_all(), abi);
    let text = inside(&plan, || {
        let checks = Walls::observe().checks(false);
        checks.map(|(name, planned, found)| format!("{name} {planned} {found}")).join(", ")
    });
    assert_eq!(text, "landlock-files 13 13, landlock-tcp 13 13, landlock-signals 1 1");
    assert_eq!(Walls::observe(), Walls { files: 0, tcp: 0, signals: 0 });
}

#[test]
fn a_version_that_the_kernel_does_not_have_is_an_error_and_no_weaker_domain() {
    let abi =
        *crate::HostCapabilities::probe().landlock_abi.known().expect("a kernel that tells its version");
    let plan = DomainPlan { abi: 9, rules: Vec::new() };
    if abi < 9 {
        let text = inside(&plan, || "entered".to_owned());
        assert!(text.starts_with("failed to make a Landlock rule set with all required rights"), "{text}");
    }
}
