//! The pure part: merging, order, refusals, identity, and the comparison of a view with its plan.
//! Nothing here starts a process.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::harness::grant;
use crate::namespace::mount_table::parse;
use crate::namespace::{
    FIRST_OWN_ID, IdentityMap, MountGrant, MountView, NamespacePlan, NamespacePlanError, NamespaceView,
    UserNamespaces, WorkspaceMount, WorkspaceStore,
};

fn compute(
    grants: Vec<MountGrant>,
    workspaces: Vec<WorkspaceMount>,
) -> Result<NamespacePlan, NamespacePlanError> {
    NamespacePlan::compute(IdentityMap::Own { id: FIRST_OWN_ID }, "worker", grants, workspaces, &[])
}

fn required(path: &str, writable: bool, executable: bool) -> MountGrant {
    grant(path, |grant| (grant.writable, grant.executable, grant.optional) = (writable, executable, false))
}

fn workspace(target: &str, store: WorkspaceStore) -> WorkspaceMount {
    WorkspaceMount { target: target.into(), store }
}

const MEMORY: WorkspaceStore = WorkspaceStore::Memory { bytes: 4096, inodes: 2 };

fn mounts(plan: &NamespacePlan) -> Vec<String> {
    let flag = |yes, mark| if yes { mark } else { "-" };
    plan.mounts
        .iter()
        .map(|mount| {
            let (write, run) = (flag(mount.is_writable(), "w"), flag(mount.is_executable(), "x"));
            format!("{} {write}{run}", mount.target.display())
        })
        .collect()
}

#[test]
fn overlapping_grants_add_up_and_a_parent_comes_first() {
    let rows: [(Vec<MountGrant>, &[&str]); 6] = [
        (vec![required("/b", false, false), required("/a", false, false)], &["/a --", "/b --"]),
        (vec![required("/a", false, true), required("/a/", true, false)], &["/a wx"]),
        (vec![required("/a/b/c", false, false), required("/a", false, false)], &["/a --"]),
        (vec![required("/a/b", true, false), required("/a", false, true)], &["/a -x", "/a/b wx"]),
        // `/a-b` sorts before `/a/c` as text, but is not below `/a`.
        (
            vec![required("/a-b", false, false), required("/a/c", true, false), required("/a", false, false)],
            &["/a --", "/a/c w-", "/a-b --"],
        ),
        (vec![required("/a//./b", false, false), required("/a/b", false, false)], &["/a/b --"]),
    ];
    for (grants, expected) in rows {
        assert_eq!(mounts(&compute(grants, Vec::new()).unwrap()), expected);
    }
}

#[test]
fn a_required_grant_below_an_optional_one_stays() {
    let plan = compute(vec![grant("/a", |_| ()), required("/a/b", false, false)], Vec::new()).unwrap();
    assert_eq!(mounts(&plan), ["/a --", "/a/b --"]);
}

#[test]
fn another_source_below_a_grant_is_not_merged() {
    let other = MountGrant { source: "/elsewhere".into(), ..required("/a/b", false, false) };
    let plan = compute(vec![required("/a", true, true), other], Vec::new()).unwrap();
    assert_eq!(mounts(&plan), ["/a wx", "/a/b --"]);
}

#[test]
fn what_cannot_be_a_root_is_refused() {
    let path = PathBuf::from;
    let twice = MountGrant { source: "/x".into(), ..required("/a", false, false) };
    let rows = [
        (vec![required("a", false, false)], vec![], NamespacePlanError::Malformed { path: path("a") }),
        (
            vec![required("/a/../b", false, false)],
            vec![],
            NamespacePlanError::Malformed { path: path("/a/../b") },
        ),
        (
            vec![required("/a\0b", false, false)],
            vec![],
            NamespacePlanError::Malformed { path: path("/a\0b") },
        ),
        (vec![required("/", false, false)], vec![], NamespacePlanError::Reserved { path: path("/") }),
        (
            vec![required("/proc/self", false, false)],
            vec![],
            NamespacePlanError::Reserved { path: path("/proc/self") },
        ),
        (vec![required("/dev", false, false)], vec![], NamespacePlanError::Reserved { path: path("/dev") }),
        (
            vec![required("/a", false, false), twice],
            vec![],
            NamespacePlanError::Conflict { path: path("/a") },
        ),
        (
            vec![required("/w", false, false)],
            vec![workspace("/w", MEMORY)],
            NamespacePlanError::Conflict { path: path("/w") },
        ),
        (
            vec![required("/w/a", false, false)],
            vec![workspace("/w", MEMORY)],
            NamespacePlanError::InsideWorkspace { path: path("/w/a") },
        ),
        (
            vec![],
            vec![workspace("/w", WorkspaceStore::Memory { bytes: 0, inodes: 1 })],
            NamespacePlanError::Unbounded { path: path("/w") },
        ),
    ];
    for (grants, workspaces, expected) in rows {
        assert_eq!(compute(grants, workspaces), Err(expected));
    }
    for name in ["", "a.b", "a b", &"x".repeat(65)] {
        let refused = NamespacePlan::compute(IdentityMap::Caller, name, vec![], vec![], &[]);
        assert_eq!(refused, Err(NamespacePlanError::HostName { name: name.to_owned() }));
    }
}

#[test]
fn masks_are_sorted_and_those_below_a_mask_left_out() {
    let masks = ["/a/.git/x", "/a/.git", "/a/.env", "/a/.env"].map(PathBuf::from);
    let plan = NamespacePlan::compute(IdentityMap::Caller, "w", vec![], vec![], &masks).unwrap();
    assert_eq!(plan.masked, [Path::new("/a/.env"), Path::new("/a/.git")]);
}

#[test]
fn identity_has_what_a_worker_sees_and_not_which_worker_it_is() {
    let host = |source: &str| workspace("/w", WorkspaceStore::Host { source: source.into() });
    let one = compute(vec![required("/a", false, true)], vec![host("/runs/1")]).unwrap();
    let mut other = compute(vec![required("/a", false, true)], vec![host("/runs/2")]).unwrap();
    other.identity_map = IdentityMap::for_host(0, 9);
    assert_eq!(one.identity(), other.identity());
    assert_eq!(
        one.identity(),
        r#"ns=user+pid+mnt+net+ipc+uts+cgroup;id=own;host=worker;ro+exec:"/a">"/a";workspace:"/w""#
    );
    other.masked.push("/a/.env".into());
    assert_ne!(one.identity(), other.identity());
}

#[test]
fn a_plan_crosses_as_json_unchanged() {
    let plan = compute(vec![required("/a", true, true)], vec![workspace("/w", MEMORY)]).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<NamespacePlan>(&text).unwrap(), plan);
    assert!(serde_json::from_str::<NamespacePlan>(&text.replacen('{', r#"{"more":1,"#, 1)).is_err());
}

proptest! {
    /// Whatever is granted: targets are unique and in order, and each grant is held by the nearest mount above it.
    #[test]
    fn every_grant_is_held_by_the_nearest_mount(
        wanted in prop::collection::vec(("(/[ab]){1,4}", any::<bool>(), any::<bool>()), 1..8)
    ) {
        let grants: Vec<_> = wanted.iter().map(|(path, write, run)| required(path, *write, *run)).collect();
        let plan = compute(grants.clone(), Vec::new()).unwrap();
        let mut reversed = grants.clone();
        reversed.reverse();
        prop_assert_eq!(&plan, &compute(reversed, Vec::new()).unwrap());
        prop_assert!(plan.mounts.windows(2).all(|pair| pair[0].target < pair[1].target));
        for grant in &grants {
            let nearest = plan.mounts.iter().rev().find(|mount| grant.target.starts_with(&mount.target)).unwrap();
            prop_assert!(nearest.is_writable() >= grant.writable && nearest.is_executable() >= grant.executable);
        }
    }
}

#[test]
fn the_mount_table_is_read_with_its_escapes_and_optional_fields() {
    let text = "36 35 0:41 /top /a\\040b ro,nosuid,nodev,noexec shared:3 master:1 - tmpfs none rw\n\
                37 36 8:1 / / rw,relatime - ext4 /dev/vda rw\n";
    let table = parse(text).unwrap();
    assert_eq!((table[0].path.as_path(), table[0].kind.as_str()), (Path::new("/a b"), "tmpfs"));
    assert!(table[0].read_only && table[0].no_suid && table[0].no_dev && table[0].no_exec && table[0].shared);
    assert!(!table[1].read_only && !table[1].no_suid && !table[1].shared);
    assert_eq!(parse("36 35 0:41 / /a rw"), None);
    assert_eq!(parse("36 35 0:41 / /a\\9 rw - tmpfs none rw"), None);
}

fn mount(path: &str, kind: &str, read_only: bool, no_exec: bool) -> MountView {
    let no_dev = !path.starts_with("/dev/");
    MountView {
        path: path.into(),
        kind: kind.into(),
        read_only,
        no_suid: true,
        no_dev,
        no_exec,
        shared: false,
    }
}

fn true_view() -> NamespaceView {
    NamespaceView {
        pid: 2,
        namespaces: Vec::new(),
        shared: Vec::new(),
        uid_map: "0 100000 1".into(),
        gid_map: "0 100000 1".into(),
        groups: Vec::new(),
        hostname: "worker".into(),
        root_entries: ["a", "dev", "proc", "w"].map(str::to_owned).to_vec(),
        mounts: vec![
            mount("/", "tmpfs", true, true),
            mount("/dev/null", "devtmpfs", true, true),
            mount("/proc", "proc", false, true),
            mount("/a", "ext4", true, false),
            mount("/w", "tmpfs", false, true),
        ],
        user_namespaces: UserNamespaces::Closed,
        unmasked: Vec::new(),
    }
}

/// Makes one fact false.
type Spoil = fn(&mut NamespaceView);

#[test]
fn a_true_view_passes_and_every_false_fact_is_named() {
    let plan = compute(vec![required("/a", false, true)], vec![workspace("/w", MEMORY)]).unwrap();
    assert_eq!(true_view().differences(&plan), []);
    let rows: [(&str, Spoil); 17] = [
        ("worker-pid", |v| v.pid = 77),
        ("namespaces-shared", |v| v.shared.push(crate::namespace::NamespaceKind::Network)),
        ("uid-map", |v| v.uid_map = "0 0 1".into()),
        ("gid-map", |v| v.gid_map = "0 100000 65536".into()),
        ("hostname", |v| v.hostname = "machine".into()),
        ("root-unplanned", |v| v.root_entries.push("etc".into())),
        ("root-unplanned", |v| v.root_entries.retain(|name| name != "proc")),
        ("groups", |v| v.groups.push(4)),
        ("unmasked", |v| v.unmasked.push("/a/.env".into())),
        ("mounts-wrong", |v| v.mounts.retain(|mount| mount.path != Path::new("/w"))),
        ("mounts-wrong", |v| v.mounts.push(mount("/etc", "ext4", true, true))),
        ("mounts-wrong", |v| v.mounts[0].read_only = false),
        ("mounts-wrong", |v| v.mounts[3].read_only = false),
        ("mounts-wrong", |v| v.mounts[3].no_suid = false),
        ("mounts-wrong", |v| v.mounts[3].no_dev = false),
        ("mounts-wrong", |v| v.mounts[4].no_exec = false),
        ("mounts-wrong", |v| v.mounts[3].shared = true),
    ];
    for (fact, spoil) in rows {
        let mut spoilt = true_view();
        spoil(&mut spoilt);
        let wrong: Vec<_> = spoilt.differences(&plan).into_iter().map(|wrong| wrong.fact).collect();
        assert_eq!(wrong, [fact]);
    }
}
