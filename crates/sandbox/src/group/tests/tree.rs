//! Discovery, planning and limits on made-up trees, without the kernel's part.

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::group::layout::{self, Layout};
use crate::group::name::Maker;

/// A directory tree of files with contents.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let top = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = top.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    top
}

fn delegate(path: &Path) {
    use std::os::unix::ffi::OsStrExt as _;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    #[expect(unsafe_code, reason = "extended attributes have no safe wrapper")]
    // SAFETY: both names end with a zero byte and the value has the length that is said.
    let result =
        unsafe { libc::setxattr(path.as_ptr(), c"user.delegate".as_ptr(), c"1".as_ptr().cast(), 1, 0) };
    Errno::result(result).expect("a file system for temporary files with user attributes");
}

const SERVICE: [(&str, &str); 6] = [
    ("service/cgroup.type", "domain\n"),
    ("service/cgroup.controllers", "cpu memory pids io\n"),
    ("service/cgroup.subtree_control", "memory\n"),
    ("service/host/cgroup.type", "domain\n"),
    ("service/host/cgroup.controllers", "memory\n"),
    ("service/host/cgroup.procs", "7\n"),
];

fn service(members: &str) -> TempDir {
    let top = tree(&SERVICE);
    std::fs::write(top.path().join("service/cgroup.procs"), members).unwrap();
    top
}

fn choose(top: &TempDir) -> Layout {
    layout::choose(&top.path().join("service/host"), "/service/host", true).unwrap()
}

#[test]
fn groups_are_made_beside_the_host_in_a_delegated_parent() {
    let top = service("");
    delegate(&top.path().join("service"));
    let layout = choose(&top);
    assert_eq!((layout.base.as_str(), layout.without), ("/service", None));
    assert_eq!(layout.controllers, ["cpu", "memory", "pids"]);
}

#[test]
fn a_parent_with_processes_gives_only_what_it_hands_down_already() {
    let top = service("1\n");
    delegate(&top.path().join("service"));
    assert_eq!(choose(&top).controllers, ["memory"]);
}

#[test]
fn a_parent_that_nobody_delegated_is_left_alone_even_by_root() {
    if !nix::unistd::geteuid().is_root() {
        println!("not tested: who owns the parent is trusted with it, unless it is root");
        return;
    }
    let layout = choose(&service(""));
    assert_eq!((layout.base.as_str(), layout.controllers.len()), ("/service/host", 0));
    let reason = layout.without.unwrap();
    assert!(reason.contains("not delegated") && reason.contains("DelegateSubgroup="), "{reason}");
}

#[test]
fn a_parent_that_is_not_shown_is_a_reason_and_the_group_below_is_still_made() {
    let top = service("");
    let layout = layout::choose(&top.path().join("service/host"), "/", false).unwrap();
    assert_eq!(layout.base, "/");
    assert!(layout.without.unwrap().contains("not visible"));
}

#[test]
fn the_root_hands_controllers_down_although_it_holds_processes() {
    let top = tree(&[("cgroup.controllers", "cpuset cpu memory pids"), ("cgroup.procs", "1\n")]);
    let layout = layout::choose(top.path(), "/", false).unwrap();
    assert_eq!((layout.base.as_str(), layout.without), ("/", None));
    assert_eq!(layout.controllers, ["cpu", "memory", "pids"]);
}

#[test]
fn a_threaded_group_takes_none_inside() {
    let top = tree(&[("g/cgroup.type", "threaded\n"), ("g/cgroup.controllers", ""), ("g/cgroup.procs", "")]);
    let reason = layout::choose(&top.path().join("g"), "/g", true).unwrap_err();
    assert!(reason.contains("threaded"), "{reason}");
}

/// A machine with both versions, as the texts of `/proc` describe it.
fn hybrid(top: &TempDir) -> GroupHost {
    let at = top.path().display();
    let mountinfo = format!(
        "1 1 0:1 / {at}/u rw - cgroup2 cgroup2 rw\n2 1 0:2 / {at}/m rw - cgroup cgroup rw,memory\n\
         3 1 0:3 /box {at}/c rw - cgroup cgroup rw,cpu,cpuacct\n4 1 0:4 / {at}/none rw - cgroup cgroup rw,freezer\n"
    );
    GroupHost::read(
        &mountinfo,
        "5:freezer:/\n4:pids:/\n3:cpu,cpuacct:/box/7\n2:memory:/a\n1:name=systemd:/s\n0::/\n",
    )
}

fn hybrid_tree() -> TempDir {
    tree(&[("u/cgroup.controllers", "hugetlb"), ("m/a/cgroup.procs", ""), ("c/7/cgroup.procs", "")])
}

#[test]
fn each_controller_is_found_where_it_is_or_has_a_reason() {
    let top = hybrid_tree();
    let host = hybrid(&top);
    let found: Vec<_> = host
        .hierarchies
        .iter()
        .map(|h| (h.version.as_str(), h.base.as_str(), h.controllers.join("+")))
        .collect();
    assert_eq!(
        found,
        [
            ("cgroup-v1", "/box/7", "cpu+cpuacct".to_owned()),
            ("cgroup-v1", "/a", "memory".to_owned()),
            ("cgroup-v2", "/", String::new())
        ]
    );
    assert!(host.reason("freezer").contains("cannot be written"), "{}", host.reason("freezer"));
    assert!(host.reason("pids").contains("not mounted"), "{}", host.reason("pids"));
    assert!(host.reason("cgroup-v2").contains("no memory, cpu or pids"));
    let base = host.holder("cpu").unwrap();
    assert_eq!(base.directory("/box/7/x"), Some(top.path().join("c/7/x")));
}

#[test]
fn a_plan_says_where_each_limit_is_held_and_what_is_not() {
    let top = hybrid_tree();
    let asked = limits(|l| {
        l.memory = Some(ByteSize::from_bytes(1));
        l.cpu_millicores = Some(500);
        l.processes = Some(10);
    });
    let (plan, missed) = GroupPlan::compute(&asked, 5 << 20, &hybrid(&top));
    let memory = plan.memory.unwrap();
    // One byte, the files and the kernel's slack, in whole steps.
    assert_eq!((memory.value, memory.mechanism()), ((21 << 20) + (64 << 10), "cgroup-v1"));
    assert_eq!(missed.iter().map(|missed| missed.limit).collect::<Vec<_>>(), ["processes"]);
    assert_eq!(
        plan.identity(),
        "group,memory=22085632@cgroup-v1,cpu=500@cgroup-v1,accounting=cgroup-v2,kill=cgroup-v2"
    );
    let needed = plan.hierarchies(&hybrid(&top)).map(|needed| needed.len());
    assert_eq!(needed, Some(3));
    assert_eq!(plan.hierarchies(&GroupHost::default()).map(|needed| needed.len()), None);
    let (nothing, missed) = GroupPlan::compute(&asked, 0, &GroupHost::default());
    assert!(nothing.is_empty() && missed.len() == 3);
}

#[test]
fn the_largest_memory_does_not_overflow() {
    let top = hybrid_tree();
    let asked = limits(|l| l.memory = Some(ByteSize::from_bytes(u64::MAX)));
    let (plan, _) = GroupPlan::compute(&asked, u64::MAX, &hybrid(&top));
    assert_eq!(plan.memory.unwrap().value % (64 << 10), 0);
}

#[test]
fn a_name_that_is_taken_is_passed_over() {
    let top = tree(&[("cgroup.controllers", "")]);
    let text = format!("1 1 0:1 / {} rw - cgroup2 cgroup2 rw\n", top.path().display());
    let host = GroupHost::read(&text, "0::/\n");
    let (plan, _) = GroupPlan::compute(&Limits::default(), 0, &host);
    let maker = Maker::current().unwrap();
    let first: u64 = maker.next_name().rsplit_once('-').unwrap().1.parse().unwrap();
    // Other tests take numbers meanwhile, so there are many.
    let taken: Vec<_> = (first + 1..first + 100).map(|number| format!("{maker}-{number}")).collect();
    for name in &taken {
        std::fs::create_dir(top.path().join(name)).unwrap();
    }
    let mut group = Group::create(&plan, &host).unwrap();
    assert!(!taken.contains(&group.place().name));
    assert!(group.place().directories[0].path.is_dir());
    group.remove(std::time::Duration::ZERO).unwrap();
    let left = std::fs::read_dir(top.path()).unwrap().count();
    assert_eq!(left, taken.len() + 1);
}

#[test]
fn limits_of_the_unified_hierarchy_are_written_in_its_words() {
    let top = tree(&[
        ("memory.max", "max"),
        ("memory.swap.max", "max"),
        ("memory.oom.group", "0"),
        ("cpu.max", "max 100000"),
        ("pids.max", "max"),
    ]);
    let set = |kind, value| limit::set(top.path(), GroupVersion::V2, kind, value);
    assert_eq!(set(LimitKind::Memory, 64 << 20), Ok(()));
    assert_eq!(set(LimitKind::Cpu, 1500), Ok(()));
    assert_eq!(set(LimitKind::Processes, 12), Ok(()));
    let text = |name: &str| std::fs::read_to_string(top.path().join(name)).unwrap();
    assert_eq!(
        ["memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max"].map(text),
        ["67108864", "0", "1", "150000 100000", "12"]
    );
    assert_eq!(set(LimitKind::Cpu, 5), Ok(()));
    assert_eq!(text("cpu.max"), "5000 1000000");
}

#[test]
fn a_limit_without_its_file_fails_and_names_the_limit() {
    let top = tree(&[]);
    let fault = limit::set(top.path(), GroupVersion::V2, LimitKind::Processes, 5).unwrap_err();
    assert_eq!((fault.step, errno(fault)), (GroupStep::Limit(LimitKind::Processes), Errno::ENOENT));
    assert_eq!(fault.to_string(), "could not set the processes limit of the control group (errno 2)");
}

#[test]
fn counters_of_the_unified_hierarchy_are_read_and_absent_ones_stay_absent() {
    let top = tree(&[
        ("memory.current", "10"),
        ("memory.max", "100"),
        ("memory.events", "low 0\nhigh 0\nmax 4\noom 1\noom_kill 2\n"),
        ("cpu.stat", "usage_usec 1500\nnr_periods 3\nnr_throttled 2\n"),
        ("pids.current", "3"),
        ("pids.events", "max 5\n"),
    ]);
    let place = GroupPlace {
        name: "x".to_owned(),
        directories: vec![GroupDirectory {
            version: GroupVersion::V2,
            controllers: ["memory", "cpu", "pids"].map(str::to_owned).to_vec(),
            group: "/x".to_owned(),
            path: top.path().to_owned(),
        }],
        cpu_millicores: None,
    };
    let usage = place.usage().unwrap();
    assert_eq!((usage.memory_now, usage.memory_peak, usage.throttled), (Some(10), None, Some(2)));
    assert_eq!(usage.cpu, Some(std::time::Duration::from_micros(1500)));
    assert_eq!(
        usage.causes(&GroupUsage::default()),
        [GroupCause::Memory { kills: 2, own_limit: true }, GroupCause::Processes { denied: 5 }]
    );
    assert_eq!(usage.causes(&usage), []);
    let outside = GroupUsage { oom_kills: Some(1), ..GroupUsage::default() };
    assert_eq!(outside.causes(&GroupUsage::default()), [GroupCause::Memory { kills: 1, own_limit: false }]);
}
