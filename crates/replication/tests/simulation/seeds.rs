//! Seeds that are told: some every time, those that found something once, and as many as one likes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::story::{Told, tell};
use crate::world::simulate;

/// How many are told every time, in a build that is not optimised.
const SEEDS: u64 = 40;

/// Those that found something, each with what it was.
const FOUND: &str = include_str!("seeds.txt");

fn run(seed: u64) -> Told {
    match simulate(seed, async || tell(seed).await) {
        Ok(told) => told,
        Err(found) => panic!("seed {seed}: {found}"),
    }
}

fn found() -> BTreeSet<u64> {
    let seeds = FOUND
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    seeds
        .filter(|first| !first.starts_with('#'))
        .map(|seed| seed.parse().unwrap())
        .collect()
}

#[test]
fn no_seed_finds_anything() {
    let mut seeds = found();
    seeds.extend(0..SEEDS);
    let mut all = Told::default();
    let count = seeds.len();
    for seed in seeds {
        all.add(run(seed));
    }
    assert!(
        all.acknowledged > 100 * count && all.crashes > count,
        "that is too little to find anything: {all:?}"
    );
}

#[test]
fn what_one_seed_does_it_does_again() {
    for seed in [1, 2] {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(
            (first.history, first.messages, first.acknowledged),
            (second.history, second.messages, second.acknowledged),
            "seed {seed}"
        );
    }
    assert_ne!(run(1).history, run(3).history);
}

/// `cargo xtask soak simulation` runs this. `SOAK_HOURS` says for how long, `SOAK_SEED` from where.
#[test]
#[ignore = "runs for as long as it is told to"]
fn soak() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<f64>().ok();
    let limit = Duration::from_secs_f64(number("SOAK_HOURS").unwrap_or(1.0) * 3600.0);
    let first = number("SOAK_SEED").unwrap_or(1_000_000.0) as u64;
    let (next, begun) = (AtomicU64::new(first), Instant::now());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all = Told::default();
    std::thread::scope(|scope| {
        let soaking: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut told = Told::default();
                    while begun.elapsed() < limit {
                        told.add(run(next.fetch_add(1, Ordering::Relaxed)));
                    }
                    told
                })
            })
            .collect();
        for soaked in soaking {
            all.add(
                soaked
                    .join()
                    .expect("a seed found something; it is named above"),
            );
        }
    });
    let seeds = next.load(Ordering::Relaxed) - first;
    println!(
        "{seeds} seeds from {first} in {:?}: {all:?}",
        begun.elapsed()
    );
}
