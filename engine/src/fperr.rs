//! The CPU's IEEE status flags. Rust declares the floating-point environment unobservable, so the register is read and
//! cleared by `asm!` that the compiler must keep in place, around calls through opaque loop pointers (or around memory
//! writes, which the `asm!`'s memory clobber orders).

use crate::registry::FpFlags;

/// Clears the sticky flags.
#[inline(always)]
pub fn clear() {
    #[cfg(target_arch = "x86_64")]
    {
        // Writing the register is slow, and inexact, which nobody asks about, is nearly always set.
        let csr = read_mxcsr();
        if csr & REPORTED != 0 {
            write_mxcsr(csr & !REPORTED);
        }
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: writing FPSR changes nothing but the sticky flags.
    unsafe {
        std::arch::asm!("msr fpsr, xzr")
    }
}

/// The flags raised since [`clear`].
#[inline(always)]
pub fn take() -> FpFlags {
    #[cfg(target_arch = "x86_64")]
    {
        // MXCSR bits: 0 invalid, 1 denormal operand, 2 divide by zero, 3 overflow, 4 underflow, 5 inexact.
        let csr = read_mxcsr();
        FpFlags(((csr >> 2) & 7) as u8) | FpFlags::INVALID.when(csr & 1 != 0)
    }
    #[cfg(target_arch = "aarch64")]
    {
        let fpsr: u64;
        // SAFETY: reads a register.
        unsafe { std::arch::asm!("mrs {}, fpsr", out(reg) fpsr) };
        // FPSR bits: 0 invalid, 1 divide by zero, 2 overflow, 3 underflow.
        FpFlags(((fpsr >> 1) & 7) as u8) | FpFlags::INVALID.when(fpsr & 1 != 0)
    }
}

/// Raises flags, beside those that are.
#[inline]
pub fn raise(flags: FpFlags) {
    #[cfg(target_arch = "x86_64")]
    {
        let raised = (flags.0 as u32 & 7) << 2 | u32::from(flags.contains(FpFlags::INVALID));
        if raised != 0 {
            write_mxcsr(read_mxcsr() | raised);
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        let raised = (flags.0 as u64 & 7) << 1 | u64::from(flags.contains(FpFlags::INVALID));
        // SAFETY: sets sticky flags and nothing else.
        unsafe {
            let fpsr: u64;
            std::arch::asm!("mrs {}, fpsr", out(reg) fpsr);
            std::arch::asm!("msr fpsr, {}", in(reg) fpsr | raised);
        }
    }
}

/// MXCSR's invalid, divide by zero, overflow and underflow.
#[cfg(target_arch = "x86_64")]
const REPORTED: u32 = 0b1_1101;

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn read_mxcsr() -> u32 {
    let mut csr = 0u32;
    // SAFETY: stores the register to a local.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut csr, options(nostack)) };
    csr
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn write_mxcsr(csr: u32) {
    // SAFETY: `csr` differs from the register's value in the sticky flags only, so rounding and masks stay.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const csr, options(nostack)) };
}
