//! How much memory this process has needed. For the account of a run; never part of a decision.

use std::fs;

/// The most is counted from here on. A kernel that does not do so leaves it counted from the start of the process.
pub fn forget() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most that was resident at once, in bytes; none where the kernel does not say.
#[must_use]
pub fn most() -> Option<u64> {
    in_status(&fs::read_to_string("/proc/self/status").ok()?)
}

fn in_status(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_where_it_is_said() {
        assert_eq!(in_status("VmPeak:\t  9 kB\nVmHWM:\t   12 kB\nVmRSS:\t  3 kB\n"), Some(12 << 10));
        for text in ["", "VmHWM:\t12\n", "VmHWM:\tmany kB\n", "VmHWM:\t18446744073709551615 kB\n"] {
            assert_eq!(in_status(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_needed_is_seen() {
        const SIZE: usize = 64 << 20;
        let before = most().unwrap();
        drop(std::hint::black_box(vec![1_u8; SIZE]));
        assert!(most().unwrap() >= before.max(SIZE as u64));
    }
}
