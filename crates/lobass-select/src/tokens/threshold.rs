//! Where the largest numbers of a stream begin, exactly, in a fixed amount of memory.

/// The least of the largest numbers of a stream.
///
/// A stream is read twice: the first time the leading halves of the numbers are counted, the second time the trailing
/// halves of those that may be it. That takes 1 MiB, however many numbers there are.
#[derive(Debug, Clone)]
pub struct Threshold {
    counts: Vec<u64>,
    /// The leading half of the number that is looked for, and how many of those with it are to be let through.
    leading: Option<(u16, u64)>,
}

impl Threshold {
    /// The number that `share` (0 to 1, rounded up to a whole number of them) of a stream are at least as large as;
    /// `None` of an empty stream, or if no number is to be let through. NaN is no number.
    ///
    /// `stream` hands every number to what it is given, the same ones each time it is called.
    ///
    /// # Errors
    /// The error of `stream`.
    pub fn of_largest<E>(
        share: f64,
        mut stream: impl FnMut(&mut dyn FnMut(f32)) -> Result<(), E>,
    ) -> Result<Option<f32>, E> {
        let mut threshold = Self { counts: vec![0; 1 << 16], leading: None };
        stream(&mut |number| threshold.count_leading(number))?;
        if !threshold.settle_leading(share) {
            return Ok(None);
        }
        stream(&mut |number| threshold.count_trailing(number))?;
        Ok(threshold.settle())
    }

    fn count_leading(&mut self, number: f32) {
        if !number.is_nan() {
            self.counts[usize::from(halves(number).0)] += 1;
        }
    }

    /// Finds the leading half; tells whether there is one.
    fn settle_leading(&mut self, share: f64) -> bool {
        let all: u64 = self.counts.iter().sum();
        let mut wanted = whole_part(all, share);
        if wanted == 0 {
            return false;
        }
        for (half, &count) in self.counts.iter().enumerate().rev() {
            if wanted <= count {
                let half = u16::try_from(half).expect("as many counts as halves");
                self.leading = Some((half, wanted));
                break;
            }
            wanted -= count;
        }
        self.counts.fill(0);
        true
    }

    fn count_trailing(&mut self, number: f32) {
        let (leading, trailing) = halves(number);
        if !number.is_nan() && self.leading.is_some_and(|(wanted, _)| wanted == leading) {
            self.counts[usize::from(trailing)] += 1;
        }
    }

    fn settle(&self) -> Option<f32> {
        let (leading, mut wanted) = self.leading?;
        for (trailing, &count) in self.counts.iter().enumerate().rev() {
            if wanted <= count {
                return Some(number(leading, u16::try_from(trailing).expect("as many counts as halves")));
            }
            wanted -= count;
        }
        None // the stream had fewer numbers the second time
    }
}

/// A number as an integer that sorts as it does, in two halves. -0.0 is 0.0.
fn halves(number: f32) -> (u16, u16) {
    let bits = (number + 0.0).to_bits();
    let place = bits ^ if bits >> 31 == 1 { u32::MAX } else { 1 << 31 };
    let half = |bits: u32| u16::try_from(bits & 0xffff).expect("16 bits");
    (half(place >> 16), half(place))
}

fn number(leading: u16, trailing: u16) -> f32 {
    let place = u32::from(leading) << 16 | u32::from(trailing);
    f32::from_bits(place ^ if place >> 31 == 1 { 1 << 31 } else { u32::MAX })
}

/// A share of a number, rounded up; a floating-point error above a whole number is not rounded up.
fn whole_part(all: u64, share: f64) -> u64 {
    let exact = all as f64 * share.clamp(0.0, 1.0);
    let noise = 4.0 * f64::EPSILON * exact;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the count")]
    let part = (exact - noise).ceil() as u64;
    part.min(all)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn found(numbers: &[f32], share: f64) -> Option<f32> {
        let stream = |take: &mut dyn FnMut(f32)| {
            numbers.iter().copied().for_each(take);
            Ok::<(), Infallible>(())
        };
        Threshold::of_largest(share, stream).unwrap()
    }

    #[test]
    fn by_hand() {
        assert_eq!(found(&[1.0, 4.0, 2.0, 3.0], 0.5), Some(3.0));
        assert_eq!(found(&[1.0, 4.0, 2.0, 3.0], 0.51), Some(2.0), "rounded up");
        assert_eq!(found(&[1.0, -4.0], 1.0), Some(-4.0));
        assert_eq!(found(&[2.0; 5], 0.2), Some(2.0));
        assert_eq!(found(&[1.0], 0.0), None);
        assert_eq!(found(&[], 1.0), None);
        assert_eq!(found(&[f32::NAN, 1.0], 1.0), Some(1.0));
        let hundred: Vec<f32> = (1u8..=100).map(f32::from).collect();
        for (share, least) in [(0.07, 94.0), (0.55, 46.0), (0.29, 72.0), (0.56, 45.0)] {
            assert_eq!(
                found(&hundred, share),
                Some(least),
                "{share}, whatever its product is by floating point"
            );
        }
    }

    proptest! {
        #[test]
        fn it_is_what_sorting_finds(numbers in prop::collection::vec(any::<f32>(), 0..200), share in 0.0f64..1.0) {
            let mut sorted: Vec<f32> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let wanted = sorted.len() as f64 * share;
            // The first place with as many numbers up to it as are wanted.
            let plainly = sorted.iter().zip(1..).find(|(_, rank)| f64::from(*rank) >= wanted);
            let plainly = plainly.map(|(number, _)| *number).filter(|_| wanted > 0.0);
            prop_assert_eq!(found(&numbers, share), plainly);
        }
    }
}
