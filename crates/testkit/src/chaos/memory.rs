//! The host's resident memory while a soak runs: read at even distances, compared between the end of the warm-up and the end.
//! It is the whole process's; who runs other tests beside measures those too.

use std::time::Duration;

use tokio::time::interval;

/// Values that are kept, whatever the length.
const SAMPLES: u32 = 600;

/// Two values are at least so far apart.
const SHORTEST: Duration = Duration::from_millis(50);

/// What the host may grow by after its warm-up, in KiB. Payloads of 1 MiB are in flight by the dozen and the allocator keeps what it
/// once had, differently for each thread; what leaks with each call passes this within minutes.
pub(super) const MOST_GROWTH_KIB: u64 = 64 << 10;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<u64>);

/// The medians of two parts of a soak, and the largest value, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Growth {
    pub(super) warm: u64,
    pub(super) end: u64,
    pub(super) peak: u64,
    pub(super) n: usize,
}

/// The resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

impl Memory {
    /// Reads for the length of a soak.
    pub(super) async fn watch(length: Duration) -> Self {
        let mut ticks = interval((length / SAMPLES).max(SHORTEST));
        let n = length.as_millis() / (length / SAMPLES).max(SHORTEST).as_millis();
        let mut read = Vec::new();
        for _ in 0..n {
            ticks.tick().await;
            read.push(resident_kib());
        }
        Self(read)
    }

    /// Compares the sixth after the warm-up third with the last sixth.
    pub(super) fn growth(&self) -> Growth {
        let n = self.0.len();
        let part = |from: usize, to: usize| median(&self.0[n * from / 6..n * to / 6]);
        let peak = self.0.iter().copied().max().unwrap_or(0);
        Growth { warm: part(2, 3), end: part(5, 6), peak, n }
    }
}

impl Growth {
    pub(super) fn is_flat(self) -> bool {
        self.end <= self.warm + MOST_GROWTH_KIB
    }
}

fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_after_the_warm_up_is_not_flat() {
        let flat = Memory((0..60).map(|n| if n < 20 { n * 10_000 } else { 200_000 + n }).collect());
        assert!(flat.growth().is_flat(), "{:?}", flat.growth());
        let grows = Memory((0..60).map(|n| n * 10_000).collect());
        assert!(!grows.growth().is_flat(), "{:?}", grows.growth());
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_kib() > 0);
    }
}
