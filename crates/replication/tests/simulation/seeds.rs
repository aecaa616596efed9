//! Seeds that are told: a few hundred every time, those that found something once, and as many as one likes.

use crate::story::{Told, tell};
use crate::world::simulate;

/// How many are told every time.
const SEEDS: u64 = 60;

fn run(seed: u64) -> Told {
    match simulate(seed, async || tell(seed).await) {
        Ok(told) => told,
        Err(found) => panic!("seed {seed}: {found}"),
    }
}

#[test]
fn no_seed_finds_anything() {
    let mut all = Told::default();
    for seed in 0..SEEDS {
        let told = run(seed);
        all.acknowledged += told.acknowledged;
        all.unknown += told.unknown;
        all.crashes += told.crashes;
        all.elections += told.elections;
        all.messages += told.messages;
    }
    println!("{SEEDS} seeds: {all:?}");
    assert!(all.acknowledged > 100 * SEEDS as usize && all.crashes > SEEDS as usize);
}

#[test]
fn what_one_seed_does_it_does_again() {
    for seed in [1, 2, 3] {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(
            (first.history, first.messages, first.acknowledged),
            (second.history, second.messages, second.acknowledged),
            "seed {seed}"
        );
    }
    assert_ne!(run(1).history, run(4).history);
}
