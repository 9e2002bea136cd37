//! A call with a cast needs a few blocks of memory beside its operands, however long they are. The peak is measured in
//! a process of its own.

use crate::common::{emulator, in_a_process, ufunc};
use ufunx::operand::Operand;
use ufunx::registry::DType;
use ufunx::{CallOptions, View, ViewMut};

/// What the call may need beyond its operands: blocks of each thread, the threads' stacks.
const ALLOWED_KIB: u64 = 16 << 10;

/// A line of `/proc/self/status`, in KiB.
fn status(key: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The child's part: `exp` (or, as long as there is none, `sqrt`) of `n` int32 into given f64.
#[test]
#[ignore = "run by the other tests of this module in a process of its own"]
fn child() {
    let n: usize = std::env::var("UFUNX_MEMORY_CHILD").unwrap().parse().unwrap();
    let mut x = vec![1i32; n];
    let mut y = vec![2f64; n];
    let name = if ufunx::ufunc("exp").is_ok() { "exp" } else { "sqrt" };
    // SAFETY: the operands are the vectors, which outlive the call.
    let (input, mut out) = unsafe {
        (
            View::from_operand(Operand::contiguous(x.as_mut_ptr().cast(), DType::I32, &[n])),
            ViewMut::from_operand(Operand::contiguous(y.as_mut_ptr().cast(), DType::F64, &[n])),
        )
    };
    let before = status("VmRSS");
    let outputs = std::slice::from_mut(&mut out);
    ufunc(name).call_into(&[input.into()], outputs, &CallOptions::default()).unwrap();
    let peak = status("VmHWM");
    assert!(y[0] == y[n - 1] && y[0] != 2.0);
    println!("needed {} KiB", peak - before);
}

fn needed_kib(n: usize) -> u64 {
    let text = in_a_process("memory::child", &[("UFUNX_MEMORY_CHILD", &n.to_string())]);
    let line = text.lines().find_map(|line| line.split_once("needed ")).unwrap();
    line.1.split_whitespace().next().unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_cast_of_16_million_needs_blocks_only() {
    if !emulator().is_empty() {
        return eprintln!("not tried: /proc tells of the emulator's memory");
    }
    let needed = needed_kib(16 << 20);
    assert!(needed < ALLOWED_KIB, "{needed} KiB beside 192 MiB of operands");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "3 GiB of memory"]
fn a_cast_of_256_million_needs_blocks_only() {
    let needed = needed_kib(256 << 20);
    assert!(needed < ALLOWED_KIB, "{needed} KiB beside 3 GiB of operands");
}
