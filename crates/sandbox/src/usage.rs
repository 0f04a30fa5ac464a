//! What this process has used so far, as the kernel counts it.
//! It measures only the calling process; a finished child's usage comes from whoever reaps it.

use std::io;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

/// Counters of `getrusage(2)` in plain units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SelfUsage {
    /// Processor time in user mode, all threads.
    pub cpu_user: Duration,
    /// Processor time in the kernel, all threads.
    pub cpu_system: Duration,
    /// The largest resident size the process ever had, in bytes. It never falls.
    pub max_rss_bytes: u64,
    /// Page faults served without reading a device.
    pub minor_faults: u64,
    /// Page faults that read a device.
    pub major_faults: u64,
    /// Blocks of 512 bytes read from a device.
    pub blocks_read: u64,
    /// Blocks of 512 bytes written to a device.
    pub blocks_written: u64,
}

/// Reads the counters of the calling process.
///
/// # Errors
/// What the kernel says; on Linux the call does not fail for the own process.
pub fn self_usage() -> io::Result<SelfUsage> {
    /// The kernel reports the resident size in KiB.
    const RSS_UNIT: u64 = 1024;
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(SelfUsage {
        cpu_user: duration(usage.user_time()),
        cpu_system: duration(usage.system_time()),
        max_rss_bytes: count(usage.max_rss()).saturating_mul(RSS_UNIT),
        minor_faults: count(usage.minor_page_faults()),
        major_faults: count(usage.major_page_faults()),
        blocks_read: count(usage.block_reads()),
        blocks_written: count(usage.block_writes()),
    })
}

fn count(value: i64) -> u64 {
    // The counters are signed by history and never negative.
    u64::try_from(value).unwrap_or(0)
}

fn duration(time: TimeVal) -> Duration {
    Duration::new(count(time.tv_sec()), 0) + Duration::from_micros(count(time.tv_usec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_the_counters() {
        let before = self_usage().unwrap();
        let mut block = vec![0_u8; 8 << 20];
        for byte in block.iter_mut().step_by(4096) {
            *byte = 1;
        }
        let after = self_usage().unwrap();
        assert_eq!(block.iter().map(|byte| u32::from(*byte)).sum::<u32>(), 2048);
        assert!(after.minor_faults > before.minor_faults);
        assert!(after.max_rss_bytes > 1 << 20);
        assert!(after.cpu_user + after.cpu_system >= before.cpu_user + before.cpu_system);
    }
}
