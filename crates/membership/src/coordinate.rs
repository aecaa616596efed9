//! Network coordinates: where a member is, so that the distance of two is about their round trip.
//!
//! This is Vivaldi (Dabek and others, 2004) with a height and an adjustment term, as Consul shows it.

/// Dimensions of the space.
const DIMENSIONS: usize = 8;
/// How much one measurement may move a coordinate.
const STEP: f64 = 0.25;
/// How much one measurement may change the error.
const ERROR_STEP: f64 = 0.25;
/// The error of one who knows nothing.
const ERROR_MAX: f64 = 1.5;
/// The least height: a link is never free.
const HEIGHT_MIN: f64 = 10.0e-6;
/// The least round trip that anything is divided by.
const ZERO: f64 = 1.0e-6;
/// A round trip longer than this says nothing about the network.
const LONGEST: f64 = 10.0;
/// How far from the origin a claim may be, in seconds.
const FARTHEST: f64 = 60.0;
/// How much of the adjustment an older measurement keeps.
const ADJUSTMENT_KEEP: f64 = 0.95;

/// Where a member is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinate {
    /// The place, in seconds.
    pub vec: [f64; DIMENSIONS],
    /// How sure it is: 0 is certain.
    pub error: f64,
    /// What the place cannot say, in seconds.
    pub adjustment: f64,
    /// The way from the member to its network, in seconds.
    pub height: f64,
}

impl Default for Coordinate {
    fn default() -> Self {
        Self {
            vec: [0.0; DIMENSIONS],
            error: ERROR_MAX,
            adjustment: 0.0,
            height: HEIGHT_MIN,
        }
    }
}

// === impl Coordinate ===

impl Coordinate {
    /// Numbers on the wire.
    pub const NUMBERS: usize = DIMENSIONS + 3;

    /// The estimated round trip to another one, in seconds.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f64 {
        let raw = self.raw_distance(other);
        let adjusted = raw + self.adjustment + other.adjustment;
        if adjusted > 0.0 { adjusted } else { raw }
    }

    /// Learns from one round trip of `seconds` to a member at `other`. `direction` is where to go from it
    /// where both are in the same place: any vector that is not zero.
    pub fn learn(&mut self, other: &Self, seconds: f64, direction: [f64; DIMENSIONS]) {
        if !other.is_sound() || !(0.0..=LONGEST).contains(&seconds) {
            return;
        }
        let seconds = seconds.max(ZERO);
        let wrong = (self.raw_distance(other) - seconds).abs() / seconds;
        let weight = self.error / (self.error + other.error).max(ZERO);
        let step = ERROR_STEP * weight;
        self.error = (wrong * step + self.error * (1.0 - step)).min(ERROR_MAX);
        self.push(
            other,
            STEP * weight * (seconds - self.raw_distance(other)),
            direction,
        );
        let off = (seconds - self.raw_distance(other)) / 2.0;
        self.adjustment = self.adjustment * ADJUSTMENT_KEEP + off * (1.0 - ADJUSTMENT_KEEP);
        if !self.is_sound() {
            *self = Self::default();
        }
    }

    fn raw_distance(&self, other: &Self) -> f64 {
        magnitude(&self.difference(other)) + self.height + other.height
    }

    fn difference(&self, other: &Self) -> [f64; DIMENSIONS] {
        std::array::from_fn(|at| self.vec[at] - other.vec[at])
    }

    fn push(&mut self, other: &Self, force: f64, direction: [f64; DIMENSIONS]) {
        let away = self.difference(other);
        let apart = magnitude(&away);
        let (unit, length) = if apart > ZERO {
            (away, apart)
        } else {
            (direction, magnitude(&direction).max(ZERO))
        };
        for (place, along) in self.vec.iter_mut().zip(unit) {
            *place += along / length * force;
        }
        if apart > ZERO {
            let height = (self.height + other.height) * force / apart + self.height;
            self.height = height.max(HEIGHT_MIN);
        }
    }

    /// Whether it can be a place: a claim that cannot is not learnt from.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.numbers()
            .iter()
            .all(|number| number.is_finite() && number.abs() <= FARTHEST)
            && self.error >= 0.0
            && self.height >= 0.0
    }

    /// As plain numbers: error, adjustment, height, and the place.
    #[must_use]
    pub fn numbers(&self) -> [f64; Self::NUMBERS] {
        std::array::from_fn(|at| match at {
            0 => self.error,
            1 => self.adjustment,
            2 => self.height,
            place => self.vec[place - 3],
        })
    }

    /// From [`Self::numbers`]. Whether it is sound is not checked.
    #[must_use]
    pub fn from_numbers(numbers: [f64; Self::NUMBERS]) -> Self {
        Self {
            error: numbers[0],
            adjustment: numbers[1],
            height: numbers[2],
            vec: std::array::from_fn(|at| numbers[at + 3]),
        }
    }
}

fn magnitude(vector: &[f64; DIMENSIONS]) -> f64 {
    vector.iter().map(|along| along * along).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A vector that is not zero and differs by round.
    fn somewhere(round: usize) -> [f64; DIMENSIONS] {
        std::array::from_fn(|at| ((round * 7 + at * 3) % 11) as f64 - 5.0)
    }

    #[test]
    fn distances_come_to_be_the_round_trips_that_were_measured() {
        // three in one place, one far away
        let rtt = |a: usize, b: usize| if a == 3 || b == 3 { 0.080 } else { 0.002 };
        let mut members = [Coordinate::default(); 4];
        for round in 0..2000 {
            for me in 0..4 {
                let other = (me + 1 + round % 3) % 4;
                let there = members[other];
                members[me].learn(&there, rtt(me, other), somewhere(round + me));
            }
        }
        for a in 0..4 {
            for b in (0..4).filter(|b| *b != a) {
                let estimate = members[a].distance(&members[b]);
                let off = (estimate - rtt(a, b)).abs();
                assert!(off < 0.004, "{a} to {b}: {estimate}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_not_learnt_from() {
        let mut here = Coordinate::default();
        let there = Coordinate {
            height: f64::NAN,
            ..Coordinate::default()
        };
        let far = Coordinate {
            vec: [1.0e9; DIMENSIONS],
            ..Coordinate::default()
        };
        here.learn(&there, 0.01, somewhere(0));
        here.learn(&far, 0.01, somewhere(0));
        here.learn(&Coordinate::default(), -1.0, somewhere(0));
        here.learn(&Coordinate::default(), f64::INFINITY, somewhere(0));
        assert_eq!(here, Coordinate::default());
    }

    proptest! {
        #[test]
        fn a_coordinate_stays_sound_whatever_it_learns(
            claims in prop::collection::vec((prop::array::uniform11(any::<f64>()), any::<f64>()), 1..40)
        ) {
            let mut here = Coordinate::default();
            for (round, (numbers, seconds)) in claims.into_iter().enumerate() {
                here.learn(&Coordinate::from_numbers(numbers), seconds, somewhere(round));
                prop_assert!(here.is_sound(), "{here:?}");
            }
        }
    }
}
