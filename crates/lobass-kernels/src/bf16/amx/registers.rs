//! The tile registers of the processor.
//!
//! Their instructions are written out, since Rust's own functions for them are not stable yet. Compilers use no
//! tiles by themselves, so that what one instruction leaves in them is there for the next.

use std::arch::asm;
use std::marker::PhantomData;

use half::bf16;

use super::{Pairs, STEP, Tile, Tiles, support};

/// The registers of this thread, configured. They are released when this is dropped, and cannot be sent to
/// another.
#[derive(Debug)]
pub(super) struct Registers(PhantomData<*const ()>);

/// The operand of `ldtilecfg`, according to Intel's manual: a palette, a row to start at, and the sides of 16 tiles.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

/// Eight tiles of 16 rows of 64 bytes.
static CONFIGURATION: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_per_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

impl Registers {
    /// Configures them; `None` if this process cannot use them.
    #[expect(unsafe_code, reason = "the instructions for tiles")]
    pub(super) fn configured() -> Option<Self> {
        if !support::is_there() {
            return None;
        }
        // SAFETY: the processor has tiles of these sides, and this process may use them. The instruction reads
        // the 64 bytes that it is given.
        unsafe {
            asm!(
                "ldtilecfg [{}]",
                in(reg) &raw const CONFIGURATION,
                options(nostack, readonly, preserves_flags),
            );
        }
        Some(Self(PhantomData))
    }

    /// Loads 16 rows of 64 bytes that are `stride` bytes apart.
    ///
    /// # Safety
    /// The registers have to be configured, and the rows readable.
    #[expect(unsafe_code, reason = "the instructions for tiles")]
    #[inline(always)]
    unsafe fn load<const TILE: usize>(from: *const u8, stride: usize) {
        // SAFETY: the caller says that.
        unsafe {
            asm!(
                "tileloadd tmm{tile}, [{from} + {stride}]",
                tile = const TILE,
                from = in(reg) from,
                stride = in(reg) stride,
                options(nostack, readonly, preserves_flags),
            );
        }
    }
}

#[expect(unsafe_code, reason = "the instructions for tiles")]
impl Drop for Registers {
    fn drop(&mut self) {
        // SAFETY: there are such registers, and no one uses them any longer.
        unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) }
    }
}

#[expect(unsafe_code, reason = "the instructions for tiles")]
impl Tiles for Registers {
    #[inline(always)]
    fn zero<const TILE: usize>(&mut self) {
        // SAFETY: the registers are configured as long as `self` is there.
        unsafe { asm!("tilezero tmm{tile}", tile = const TILE, options(nostack, nomem, preserves_flags)) }
    }

    #[inline(always)]
    fn load_sums<const TILE: usize>(&mut self, from: &Tile) {
        // SAFETY: the registers are configured as long as `self` is there, and a tile is 16 rows of 64 bytes.
        unsafe { Self::load::<TILE>(from.as_ptr().cast(), 64) }
    }

    #[inline(always)]
    fn load_weights<const TILE: usize>(&mut self, from: &[bf16], stride: usize) {
        let last = stride.checked_mul(15).and_then(|row| row.checked_add(32));
        assert!(
            last.is_some_and(|last| last <= from.len()),
            "a tile of {} weights, {stride} apart",
            from.len()
        );
        // SAFETY: the registers are configured as long as `self` is there. 32 weights are 64 bytes, and the
        // last row of them ends in the slice, as was asserted.
        unsafe { Self::load::<TILE>(from.as_ptr().cast(), stride * size_of::<bf16>()) }
    }

    #[inline(always)]
    fn load_pairs<const TILE: usize>(&mut self, from: &[Pairs; STEP], half: usize) {
        let (from, at) = (from.as_ptr().cast::<u8>(), size_of_val(&from[0].0[half]) * half);
        // SAFETY: the registers are configured as long as `self` is there. Each of the 16 has two halves of 64
        // bytes, of which this is one: the index was checked.
        unsafe { Self::load::<TILE>(from.add(at), size_of::<Pairs>()) }
    }

    #[inline(always)]
    fn multiply<const SUMS: usize, const WEIGHTS: usize, const PAIRS: usize>(&mut self) {
        // SAFETY: the registers are configured as long as `self` is there, with sides that fit each other.
        unsafe {
            asm!(
                "tdpbf16ps tmm{sums}, tmm{weights}, tmm{pairs}",
                sums = const SUMS,
                weights = const WEIGHTS,
                pairs = const PAIRS,
                options(nostack, nomem, preserves_flags),
            );
        }
    }

    #[inline(always)]
    fn store<const TILE: usize>(&self, to: &mut Tile) {
        // SAFETY: the registers are configured as long as `self` is there. A tile is 16 rows of 64 bytes, and
        // is borrowed mutably.
        unsafe {
            asm!(
                "tilestored [{to} + {stride}], tmm{tile}",
                tile = const TILE,
                to = in(reg) to.as_mut_ptr(),
                stride = in(reg) 64usize,
                options(nostack, preserves_flags),
            );
        }
    }

    #[inline(always)]
    fn store_rows<const TILE: usize>(&self, to: &mut [f32], stride: usize) {
        let last = stride.checked_mul(15).and_then(|row| row.checked_add(16));
        assert!(last.is_some_and(|last| last <= to.len()), "a tile of {} sums, {stride} apart", to.len());
        // SAFETY: the registers are configured as long as `self` is there. 16 sums are 64 bytes, and the last row of
        // them ends in the slice, as was asserted, which is borrowed mutably.
        unsafe {
            asm!(
                "tilestored [{to} + {stride}], tmm{tile}",
                tile = const TILE,
                to = in(reg) to.as_mut_ptr(),
                stride = in(reg) stride * size_of::<f32>(),
                options(nostack, preserves_flags),
            );
        }
    }
}
