//! Whether tiles of bf16 can be used: the processor has them, the kernel saves them, and lets us.

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::sync::OnceLock;

/// Required bits of the extended control register: the states of SSE, of AVX, of the tile configuration, and of tile
/// data.
const SAVED: u64 = 1 << 1 | 1 << 2 | 1 << XTILECFG | 1 << XTILEDATA;
const XTILECFG: u32 = 17;
const XTILEDATA: u32 = 18;

/// Whether they can, as found out once; if so, this process has asked the kernel for the permission, and got
/// it.
pub(super) fn is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| has_instructions() && saves_tiles() && has_tiles_of_our_size() && may_use_tiles())
}

/// AMX-TILE and AMX-BF16.
fn has_instructions() -> bool {
    let (tile, bf16) = (1 << 24, 1 << 22);
    __cpuid(0).eax >= 0x1e && __cpuid_count(7, 0).edx & (tile | bf16) == tile | bf16
}

/// Whether the kernel has enabled the states that it has to save.
#[expect(unsafe_code, reason = "reading the extended control register is for processors that have one")]
fn saves_tiles() -> bool {
    if !is_x86_feature_detected!("xsave") {
        return false;
    }
    // SAFETY: the processor has the instruction, and the kernel has enabled it: std checks both.
    unsafe { _xgetbv(0) & SAVED == SAVED }
}

/// Palette 1 with eight tiles of 16 rows of 64 bytes, and products of such.
fn has_tiles_of_our_size() -> bool {
    let (palettes, palette, products) =
        (__cpuid_count(0x1d, 0), __cpuid_count(0x1d, 1), __cpuid_count(0x1e, 0));
    let low = |word: u32| word & 0xffff;
    palettes.eax >= 1
        && (palette.eax >> 16, low(palette.ebx), palette.ebx >> 16, low(palette.ecx)) == (1024, 64, 8, 16)
        && (products.ebx & 0xff, low(products.ebx >> 8)) == (16, 64)
}

/// Asks for the permission to use tiles, which holds for every thread of this process, and whether it was
/// given.
fn may_use_tiles() -> bool {
    let mut permitted = 0u64;
    request_tiles() == 0 && permitted_states(&mut permitted) == 0 && permitted & 1 << XTILEDATA != 0
}

const ARCH_PRCTL: u64 = 158;

/// `arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA)`.
#[expect(unsafe_code, reason = "a system call that no library of ours knows")]
fn request_tiles() -> u64 {
    let result;
    // SAFETY: the call reads and writes no memory of ours, and clobbers what is named. Kernels that do not know
    // it return an error.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") 0x1023u64,
            in("rsi") u64::from(XTILEDATA),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack, nomem),
        );
    }
    result
}

/// `arch_prctl(ARCH_GET_XCOMP_PERM, &permitted)`.
#[expect(unsafe_code, reason = "a system call that no library of ours knows")]
fn permitted_states(permitted: &mut u64) -> u64 {
    let result;
    // SAFETY: the call writes one word, which is borrowed mutably, and clobbers what is named.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") 0x1022u64,
            in("rsi") std::ptr::from_mut(permitted),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}
