use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::*;

fn state() -> Vec<u8> {
    (0..20_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn archive() -> Vec<u8> {
    let state = state();
    let meta = Meta::new("1-7-a".to_owned(), 7, 1, state.len() as u64);
    let mut out = Vec::new();
    write(&mut out, &meta, state.as_slice()).unwrap();
    out
}

/// An archive of these files, as anybody could write it.
fn of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in files {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn refused(bytes: &[u8]) -> String {
    read(bytes, Vec::new()).unwrap_err().to_string()
}

fn sums(files: &[(&str, &[u8])]) -> String {
    let line = |(name, content): &(&str, &[u8])| format!("{}  {name}\n", sums::of(content));
    files.iter().map(line).collect()
}

#[test]
fn a_state_comes_back_as_it_was() {
    let mut back = Vec::new();
    let meta = read(archive().as_slice(), &mut back).unwrap();
    assert_eq!((meta.index, meta.term, meta.id.as_str()), (7, 1, "1-7-a"));
    assert!(back == state());
    assert_eq!(archive(), archive(), "equal states have equal archives");
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    let whole = archive();
    for end in (0..whole.len()).step_by(499).chain([whole.len() - 1]) {
        assert!(read(&whole[..end], Vec::new()).is_err(), "{end}");
    }
}

#[test]
fn an_archive_with_a_changed_byte_is_refused() {
    let whole = archive();
    // the head of the compressed stream has fields that nobody looks at
    for at in (10..whole.len()).step_by(503) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        assert!(read(changed.as_slice(), Vec::new()).is_err(), "{at}");
    }
}

#[test]
fn files_that_do_not_fit_are_named() {
    let meta = serde_json::to_vec(&Meta::new(String::new(), 1, 1, 3)).unwrap();
    let good: [(&str, &[u8]); 2] = [(META, &meta), (STATE, b"abc")];
    let sums = sums(&good);
    let with = |more: &[(&str, &[u8])]| of(&[&good, more].concat());
    let all = with(&[(SUMS, sums.as_bytes())]);
    assert!(read(all.as_slice(), Vec::new()).is_ok());
    for (bytes, reason) in [
        (with(&[]), "lacks SHA256SUMS"),
        (of(&[(SUMS, sums.as_bytes())]), "lacks meta.json"),
        (with(&[(STATE, b"abc")]), "has state.bin twice"),
        (with(&[(META, b"{}")]), "has meta.json twice"),
        (with(&[("evil", b"")]), "does not belong there: \"evil\""),
        (with(&[(SUMS, b"")]), "meta.json is damaged"),
        (b"x".to_vec(), "failed to read"),
        (Vec::new(), "failed to read"),
    ] {
        let text = refused(&bytes);
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn archives_of_others_and_of_later_versions_are_told_apart() {
    let foreign = br#"{"Version":1,"ID":"2-5-1","Index":5,"Term":2,"Size":3}"#;
    let later = br#"{"Version":9,"Format":"tribune","Size":3}"#;
    let short = br#"{"Version":1,"Format":"tribune","Size":4}"#;
    for (meta, reason) in [
        (&foreign[..], "no snapshot of Tribune"),
        (later, "has version 9"),
        (short, "3 bytes instead of 4"),
        (b"[", "cannot be understood"),
    ] {
        let files = [(META, meta), (STATE, &b"abc"[..])];
        let sums = sums(&files);
        let bytes = of(&[&files[..], &[(SUMS, sums.as_bytes())]].concat());
        let text = refused(&bytes);
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn a_state_of_another_size_is_not_written() {
    let meta = Meta::new(String::new(), 1, 1, 10);
    let error = write(Vec::new(), &meta, &b"abc"[..]).unwrap_err();
    assert!(error.to_string().contains("3 of its 10"), "{error}");
}

#[test]
fn a_full_disk_is_told_from_a_bad_archive() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = read(archive().as_slice(), Full).unwrap_err();
    assert!(matches!(error, ReadError::Write(_)), "{error}");
}
