//! Devices, the system's trees and the sockets of services.
//! Nothing is read from a device, and nothing is sent to a service.

use super::call::{Answer, call, closed, try_open};
use super::socket::{connect, local_address};
use super::stage::{Results, Stage, tried};

const DEVICES: [&str; 9] = ["kvm", "vsock", "vda", "mem", "kmsg", "tty", "ptmx", "net/tun", "fuse"];

pub(crate) fn devices() -> Results {
    let mut results: Results = DEVICES
        .map(|name| tried(format!("open /dev/{name}"), try_open(format!("/dev/{name}"), libc::O_RDONLY)))
        .into();
    results.push(tried("list /dev/shm", try_open("/dev/shm", libc::O_RDONLY | libc::O_DIRECTORY)));
    results
}

fn connected(path: &std::path::Path) -> Answer {
    let socket = call(libc::SYS_socket, &[libc::AF_UNIX as isize, libc::SOCK_STREAM as isize])?;
    let answer = connect(socket, &local_address(path.as_os_str().as_encoded_bytes()));
    closed(Ok(socket))?;
    answer
}

pub(crate) fn system(stage: &Stage) -> Results {
    let mut results: Results = ["/sys/fs/cgroup", "/sys/class/net", "/run"]
        .map(|path| tried(format!("list {path}"), try_open(path, libc::O_RDONLY | libc::O_DIRECTORY)))
        .into();
    results.push(tried("open the host's socket", try_open(&stage.facts.socket, libc::O_RDONLY)));
    results.push(tried("connect to the host's socket", connected(&stage.facts.socket)));
    results.push(tried("connect to /run/docker.sock", connected("/run/docker.sock".as_ref())));
    results.push(tried("read the host's file", try_open(&stage.facts.bait, libc::O_RDONLY)));
    results
}
