//! Made-up trees for the pure part, and real groups with forked children in them.
//! The test process itself never joins a group.

mod ending;
mod forked;
mod holding;
mod observing;
mod tree;

use nix::errno::Errno;
use plugdock_contracts::limits::Limits;
use plugdock_contracts::size::ByteSize;

use super::*;

/// The machine's groups, if it has what a test needs. Otherwise the test says why and passes, but not on CI.
fn machine(needed: &[&str]) -> Option<GroupHost> {
    let host = GroupHost::discover();
    let lacking: Vec<String> = needed
        .iter()
        .filter(|name| host.holder(name).is_none())
        .map(|name| format!("{name}: {}", host.reason(name)))
        .collect();
    if lacking.is_empty() {
        return Some(host);
    }
    println!("not tested, this needs root and control groups: {}", lacking.join("; "));
    assert!(std::env::var_os("CI").is_none(), "CI has to test this: {}", lacking.join("; "));
    None
}

fn limits(set: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    set(&mut limits);
    limits
}

fn group(host: &GroupHost, limits: &Limits) -> Group {
    let (plan, missed) = GroupPlan::compute(limits, 0, host);
    assert_eq!(missed, []);
    Group::create(&plan, host).unwrap()
}

fn mib(count: u64) -> ByteSize {
    ByteSize::from_mib(count)
}

fn errno(fault: GroupFault) -> Errno {
    Errno::from_raw(fault.errno)
}
