//! Micro-benchmarks of the pure crates, one file a crate: `cargo bench -p tribune-benches --bench state`.
