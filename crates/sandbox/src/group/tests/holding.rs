//! Limits that hold real children.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use nix::unistd::ForkResult;

use super::forked::{Forked, Voice, leave, was_killed};
use super::*;

/// Far more than the limit of these tests.
const BOMB: usize = 160 << 20;

fn anonymous(_: &mut Voice) {
    let mut block = vec![0_u8; BOMB];
    block.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    assert_eq!(std::hint::black_box(&block)[0], 1);
}

fn fill(mut file: std::fs::File) {
    let block = vec![1_u8; 1 << 20];
    for _ in 0..BOMB / block.len() {
        file.write_all(&block).unwrap();
    }
}

fn memory_file(_: &mut Voice) {
    fill(nix::sys::memfd::memfd_create(c"bomb", nix::sys::memfd::MFdFlags::MFD_CLOEXEC).unwrap().into());
}

fn file_in_tmpfs(_: &mut Voice) {
    // Without a name, so that nothing is left behind.
    fill(std::fs::OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open("/dev/shm").unwrap());
}

fn explode(act: fn(&mut Voice)) {
    let Some(host) = machine(&["memory"]) else { return };
    let mut group = group(&host, &limits(|l| l.memory = Some(mib(16))));
    let before = group.place().usage().unwrap();
    let child = Forked::run(|voice| {
        group.join().unwrap();
        act(voice);
    });
    let status = child.end();
    assert!(was_killed(status), "{status:?}");
    let after = group.place().usage().unwrap();
    assert_eq!(after.oom_kills, Some(1));
    assert_eq!(after.causes(&before), [GroupCause::Memory { kills: 1, own_limit: true }]);
    let peak = after.memory_peak.unwrap();
    assert!(((30 << 20)..=(32 << 20)).contains(&peak), "16 MiB and the kernel's slack, not {peak}");
    group.remove(PATIENCE).unwrap();
}

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_memory_bomb_is_killed_and_counted() {
    explode(anonymous);
}

#[test]
fn a_bomb_of_memory_files_is_killed_and_counted() {
    explode(memory_file);
}

#[test]
fn a_bomb_in_a_file_system_in_memory_is_killed_and_counted() {
    if !std::path::Path::new("/dev/shm").is_dir() {
        println!("not tested: there is no /dev/shm");
        assert!(std::env::var_os("CI").is_none(), "CI has to test this");
        return;
    }
    explode(file_in_tmpfs);
}

#[test]
fn memory_that_is_held_shows_as_pressure() {
    let Some(host) = machine(&["memory"]) else { return };
    let mut group = group(&host, &limits(|l| l.memory = Some(mib(48))));
    assert!(group.place().memory_pressure().unwrap().unwrap() < 0.1);
    let mut child = Forked::run(|voice| {
        group.join().unwrap();
        let mut block = vec![0_u8; 48 << 20];
        block.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        voice.say("full");
        voice.wait();
        assert_eq!(std::hint::black_box(&block)[0], 1);
    });
    assert_eq!(child.line(), "full");
    let pressure = group.place().memory_pressure().unwrap().unwrap();
    assert!((0.7..1.0).contains(&pressure), "48 of 64 MiB, not {pressure}");
    child.end();
    group.remove(PATIENCE).unwrap();
}

#[test]
fn one_process_too_many_is_refused_and_counted() {
    let Some(host) = machine(&["pids"]) else { return };
    let mut group = group(&host, &limits(|l| l.processes = Some(4)));
    let before = group.place().usage().unwrap();
    let mut child = Forked::run(|voice| {
        group.join().unwrap();
        let mut made = 0;
        let refused = loop {
            #[expect(unsafe_code, reason = "the refusal is the answer")]
            // SAFETY: as for `split`.
            match unsafe { nix::unistd::fork() } {
                Ok(ForkResult::Child) => {
                    voice.wait();
                    leave(0)
                }
                Ok(ForkResult::Parent { .. }) => made += 1,
                Err(errno) => break errno,
            }
        };
        voice.say(&format!("{made} {refused:?}"));
        voice.wait();
    });
    assert_eq!(child.line(), "3 EAGAIN");
    let after = group.place().usage().unwrap();
    assert_eq!(after.processes_now, Some(4));
    assert_eq!(after.causes(&before), [GroupCause::Processes { denied: 1 }]);
    assert_eq!(group.place().members().unwrap().len(), 4);
    group.kill().unwrap();
    child.end();
    group.remove(PATIENCE).unwrap();
}

#[test]
fn more_than_the_share_of_processor_time_has_to_wait() {
    let Some(host) = machine(&["cpu"]) else { return };
    let mut group = group(&host, &limits(|l| l.cpu_millicores = Some(50)));
    let child = Forked::run(|_| {
        group.join().unwrap();
        // Twelve times the part of one period: not to wait for that, the machine would have to be this slow anyway.
        let spent = || crate::usage::self_usage().map(|usage| usage.cpu_user + usage.cpu_system).unwrap();
        let start = spent();
        while spent().saturating_sub(start) < Duration::from_millis(60) {}
    });
    let status = child.end();
    assert!(matches!(status, nix::sys::wait::WaitStatus::Exited(_, 0)), "{status:?}");
    let usage = group.place().usage().unwrap();
    assert!(usage.throttled.unwrap() > 0, "{usage:?}");
    assert!(usage.cpu.unwrap().as_millis() >= 40, "{usage:?}");
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_throttled_group_gets_its_share_back() {
    let Some(host) = machine(&["cpu"]) else { return };
    let mut group = group(&host, &limits(|l| l.cpu_millicores = Some(1500)));
    let directory = group.place().with("cpu").unwrap().clone();
    let share = || limit::read(&directory.path, directory.version, LimitKind::Cpu).unwrap();
    assert_eq!(share(), 1500);
    group.place().throttle(100).unwrap();
    assert_eq!(share(), 100);
    // Below what the kernel takes of the usual period.
    group.place().throttle(3).unwrap();
    assert_eq!(share(), 3);
    group.place().restore().unwrap();
    assert_eq!(share(), 1500);
    group.remove(PATIENCE).unwrap();
}

#[test]
fn a_group_without_a_share_cannot_be_throttled() {
    let Some(host) = machine(&["pids"]) else { return };
    let group = group(&host, &limits(|l| l.processes = Some(4)));
    assert_eq!(group.place().throttle(100).map_err(errno), Err(Errno::EOPNOTSUPP));
    assert_eq!(group.place().restore().map_err(errno), Err(Errno::EOPNOTSUPP));
}
