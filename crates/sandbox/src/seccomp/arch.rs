//! The two architectures a filter is made for: how the kernel marks their calls, and what the calls are called.
//! Both are known on every machine, so that the policy of one can be checked on the other.

use super::table_aarch64::AARCH64;
use super::table_x86_64::X86_64;

/// The highest number of a system call known here, on both architectures: `file_setattr`, which came with Linux 6.17.
/// Linux 6.18 added none above it. Higher numbers are answered as a kernel does that does not have them.
pub const LAST_KNOWN_SYSCALL: u32 = 469;

/// A machine's instruction set, as the kernel tells it to a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arch {
    X86_64,
    Aarch64,
}

impl Arch {
    #[cfg(test)]
    pub(super) const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// What this program was compiled for.
    pub(super) const NATIVE: Self = if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 };

    /// `AUDIT_ARCH_…`: the machine's ELF number, marked as of 64 bits and little-endian. Calls by the 32-bit ways of
    /// the same machine have another.
    pub(super) const fn audit(self) -> u32 {
        const LITTLE_ENDIAN_64: u32 = 0xc000_0000;
        let machine = match self {
            Self::X86_64 => libc::EM_X86_64,
            Self::Aarch64 => libc::EM_AARCH64,
        };
        LITTLE_ENDIAN_64 + machine as u32
    }

    /// Number and name of every system call, by number.
    pub(super) const fn table(self) -> &'static [(u32, &'static str)] {
        match self {
            Self::X86_64 => X86_64,
            Self::Aarch64 => AARCH64,
        }
    }

    pub(super) fn name(self, number: u32) -> Option<&'static str> {
        let table = self.table();
        table.binary_search_by_key(&number, |(known, _)| *known).ok().map(|place| table[place].1)
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("plugdock-sandbox knows the system calls of x86-64 and aarch64 only");

/// The name of a system call of this machine, for explaining what a process was refused or killed for.
pub fn syscall_name(number: u32) -> Option<&'static str> {
    Arch::NATIVE.name(number)
}
