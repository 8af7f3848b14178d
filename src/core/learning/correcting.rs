//! The second opinion: weights that are corrected example by example until few are judged wrongly.
//!
//! Logistic regression by stochastic gradient descent; the answer is the mean over all steps, which does not hang on the
//! last examples (Polyak and Juditsky, “Acceleration of Stochastic Approximation by Averaging”, 1992). It learns what counts cannot:
//! that `never` turns `stop writing` around. The order is mixed, and always the same.

use super::{Lessons, Opinion, share};

/// How far one example moves the weights of what stands in it.
const STRIDE: f32 = 5.0;

/// The constant moves less, because it is in every example.
const STRIDE_OF_ALL: f32 = 0.5;

/// How often all examples are gone through.
const ROUNDS: usize = 4;

/// Examples that are judged as rightly as this are passed: nothing would move.
const RIGHT: f32 = 0.002;

/// A weight for each thing counted; `said` as in [`super::counting::opinion`], where more than half is a yes.
pub(super) fn opinion(lessons: &Lessons, said: &[Option<f32>]) -> Opinion {
    let told: Vec<(&[u32], f32)> = lessons
        .texts()
        .zip(said)
        .filter_map(|(text, said)| Some((text, if (*said)? > 0.5 { 1.0 } else { 0.0 })))
        .collect();
    // Weight, and the sum of its corrections times the step they were made at.
    let mut weights = vec![(0.0_f32, 0.0_f32); lessons.rows.len()];
    let mut always = (0.0_f32, 0.0_f32);
    let mut step = 1.0_f32;
    for round in 0..ROUNDS {
        for at in mixed(told.len(), round) {
            let Some((text, yes)) = told.get(at) else { continue };
            let share = share(text.len());
            let sum: f32 = text.iter().filter_map(|row| weights.get(place(*row))).map(|weight| weight.0).sum();
            let judged = 1.0 / (1.0 + (-(sum * share + always.0)).exp());
            let wrong = yes - judged;
            if wrong.abs() > RIGHT {
                let by = STRIDE * wrong * share;
                for row in *text {
                    if let Some(weight) = weights.get_mut(place(*row)) {
                        weight.0 += by;
                        weight.1 += by * step;
                    }
                }
                always.0 += STRIDE_OF_ALL * wrong;
                always.1 += STRIDE_OF_ALL * wrong * step;
            }
            step += 1.0;
        }
    }
    let mean = |(weight, moved): &(f32, f32)| weight - moved / step;
    Opinion { weights: weights.iter().map(mean).collect(), always: mean(&always) }
}

fn place(row: u32) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// Every number below `count` once, in an order that differs from round to round: steps of a length that shares no
/// divisor with the count.
fn mixed(count: usize, round: usize) -> impl Iterator<Item = usize> {
    let mut stride = (count / 3 + 7919 * (round + 1)) % count.max(1);
    while count > 1 && divisor(stride, count) != 1 {
        stride += 1;
    }
    (0..count).map(move |at| (at * stride + round) % count)
}

fn divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_every_number_once() {
        for count in [0, 1, 2, 3, 10, 97, 1_000, 7_919] {
            for round in 0..ROUNDS {
                let mut all: Vec<usize> = mixed(count, round).collect();
                all.sort_unstable();
                assert_eq!(all, (0..count).collect::<Vec<_>>(), "{count}, {round}");
            }
        }
        assert_ne!(mixed(97, 0).collect::<Vec<_>>(), mixed(97, 1).collect::<Vec<_>>());
    }
}
