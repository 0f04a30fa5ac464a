//! What the machine charges: two processes that pass 200 bytes, or a mebibyte, to each other over a socket pair, and
//! nothing else. Both ends block, as a pooled worker and its host do without spinning.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::sample::{Rounds, quantile};

const ROLE: &str = "PLUGDOCK_BENCH_FLOOR";
const SMALL: usize = 200;
const LARGE: usize = 1 << 20;
const ROUND_TRIPS: usize = 2_000;
const LARGE_TRIPS: usize = 50;

/// Becomes the other end if this process was started as one.
pub(crate) fn answer_if_asked() {
    let Some(size) = std::env::var(ROLE).ok().and_then(|size| size.parse::<usize>().ok()) else { return };
    // Standard input is the socket, both ways.
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    let mut bytes = vec![0; size];
    if let Ok(mut stream) = socket {
        while stream.read_exact(&mut bytes).is_ok() && stream.write_all(&bytes).is_ok() {}
    }
    #[expect(
        clippy::exit,
        clippy::disallowed_methods,
        reason = "the other end is a whole process of its own"
    )]
    std::process::exit(0);
}

/// Measures the round trip of both sizes.
pub(crate) fn measure(table: &mut Rounds) {
    for (size, trips, name) in
        [(SMALL, ROUND_TRIPS, "floor: socket pair, 200 B"), (LARGE, LARGE_TRIPS, "floor: socket pair, 1 MiB")]
    {
        let mut times = round_trips(size, trips);
        let total: std::time::Duration = times.iter().sum();
        table.add(format!("{name}, p50 µs"), quantile(&mut times, 0.5));
        if size == SMALL {
            table.add(format!("{name}, p99 µs"), quantile(&mut times, 0.99));
            #[expect(clippy::cast_precision_loss, reason = "some thousand")]
            table.add(format!("{name}, one caller /s"), trips as f64 / total.as_secs_f64());
        }
    }
}

fn round_trips(size: usize, trips: usize) -> Vec<std::time::Duration> {
    let (mut near, far) = UnixStream::pair().expect("a socket pair can be made");
    let end = |stream: &UnixStream| {
        Stdio::from(OwnedFd::from(stream.try_clone().expect("a descriptor can be doubled")))
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the floor is what a bare process costs, without any of ours"
    )]
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    let spawned = command.env(ROLE, size.to_string()).stdin(end(&far)).spawn();
    drop(command);
    drop(far);
    let mut child = spawned.expect("this program can be started again");
    let (sent, mut received) = (vec![7; size], vec![0; size]);
    let mut times = Vec::with_capacity(trips);
    for trip in 0..trips + trips / 10 {
        let start = Instant::now();
        near.write_all(&sent).expect("the other end reads");
        near.read_exact(&mut received).expect("the other end answers");
        if trip >= trips / 10 {
            times.push(start.elapsed());
        }
    }
    drop(near);
    child.wait().expect("the other end ends");
    times
}
