//! Golden files: recorded output that a test compares with what the code says now.
//!
//! `UPDATE_GOLDEN=1 cargo test -p CRATE` rewrites them; the change is then reviewed like code. Paths
//! are relative to the crate under test, since `cargo test` runs there.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Compares `actual` with the golden file at `path`, or writes it there with `UPDATE_GOLDEN=1`.
///
/// # Panics
/// With the difference line by line, when they differ; with what to do, when there is no such file.
#[track_caller]
pub fn check(path: impl AsRef<Path>, actual: &str) {
    if let Err(said) = compare(path.as_ref(), actual, updating()) {
        panic!("{said}");
    }
}

/// [`check`] of a JSON value, indented and with its keys sorted.
///
/// # Panics
/// As [`check`].
#[track_caller]
pub fn check_json(path: impl AsRef<Path>, actual: &Value) {
    check(path, &json_text(actual));
}

/// Runs a family of cases: every file of `folder` with `extension` goes through `run`, and what comes
/// out is compared with the file of the same name with the extension `golden`.
///
/// All cases run before the first complaint, and with `UPDATE_GOLDEN=1` all goldens are rewritten.
/// Goldens whose case is gone are complaints too.
///
/// # Panics
/// When a case differs, naming each one, or when the folder holds no case.
#[track_caller]
pub fn check_cases(folder: impl AsRef<Path>, extension: &str, run: impl Fn(&str) -> String) {
    let folder = folder.as_ref();
    let cases = files(folder, extension);
    assert!(
        !cases.is_empty(),
        "{}: no file ends in .{extension}",
        folder.display()
    );
    let mut complaints = Vec::new();
    for case in &cases {
        let input =
            fs::read_to_string(case).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        complaints.extend(compare(&case.with_extension("golden"), &run(&input), updating()).err());
    }
    for golden in files(folder, "golden") {
        if !cases.contains(&golden.with_extension(extension)) {
            complaints.push(format!("{}: its case is gone; delete it", golden.display()));
        }
    }
    assert!(
        complaints.is_empty(),
        "{} of {} cases\n\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
}

/// A JSON value as goldens hold it: two spaces of indent, keys sorted, a newline at the end.
pub fn json_text(value: &Value) -> String {
    let mut text = format!("{:#}", sorted(value));
    text.push('\n');
    text
}

/// The same value with keys sorted, whatever order the JSON library keeps in this build.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields
                .iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect();
            fields.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ends| ends == extension))
        .collect();
    found.sort();
    found
}

fn compare(path: &Path, actual: &str, update: bool) -> Result<(), String> {
    let expected = fs::read_to_string(path);
    if expected.as_deref().is_ok_and(|expected| expected == actual) {
        return Ok(());
    }
    if update {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        return fs::create_dir_all(folder)
            .and_then(|()| fs::write(path, actual))
            .map_err(|error| format!("{}: {error}", path.display()));
    }
    let hint = "UPDATE_GOLDEN=1 accepts what the code says";
    match expected {
        Ok(expected) => Err(format!(
            "{} differs ({hint}):\n{}",
            path.display(),
            difference(&expected, actual)
        )),
        Err(error) => Err(format!("{}: {error} ({hint}):\n{actual}", path.display())),
    }
}

/// Changed lines with three lines around them: `-` is the golden's, `+` the code's.
fn difference(expected: &str, actual: &str) -> String {
    let diff = TextDiff::from_lines(expected, actual);
    let mut text = String::new();
    for group in diff.grouped_ops(3) {
        if let Some(first) = group.first() {
            let _ = writeln!(text, "  @ line {}", first.old_range().start + 1);
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let _ = writeln!(text, "{sign} {}", change.value().trim_end_matches('\n'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_text_passes_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("same.golden");
        fs::write(&path, "a\n").unwrap();
        assert_eq!(compare(&path, "a\n", false), Ok(()));
        assert_eq!(files(folder.path(), "golden"), [path]);
    }

    #[test]
    fn a_difference_shows_both_lines_and_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.golden");
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        let said = compare(&path, "one\n2\nthree\n", false).unwrap_err();
        assert!(
            said.contains("  @ line 1\n  one\n- two\n+ 2\n  three\n"),
            "{said}"
        );
        assert!(said.contains("UPDATE_GOLDEN=1"), "{said}");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "one\ntwo\nthree\n",
            "a comparison writes nothing"
        );
    }

    #[test]
    fn a_difference_in_the_last_newline_is_a_difference() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.golden");
        fs::write(&path, "one\n").unwrap();
        assert!(compare(&path, "one", false).is_err());
    }

    #[test]
    fn a_missing_golden_is_an_error_that_shows_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let said = compare(&folder.path().join("none.golden"), "text\n", false).unwrap_err();
        assert!(
            said.contains("none.golden") && said.contains("text"),
            "{said}"
        );
    }

    #[test]
    fn updating_writes_the_golden_and_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/x.golden");
        assert_eq!(compare(&path, "text\n", true), Ok(()));
        assert_eq!(compare(&path, "text\n", false), Ok(()));
    }

    #[test]
    fn json_is_compared_with_sorted_keys() {
        let value: Value = serde_json::from_str(r#"{"b": [{"d": 1, "c": 2}], "a": null}"#).unwrap();
        assert_eq!(
            json_text(&value),
            "{\n  \"a\": null,\n  \"b\": [\n    {\n      \"c\": 2,\n      \"d\": 1\n    }\n  ]\n}\n"
        );
    }

    #[test]
    #[should_panic(expected = "2 of 2 cases")]
    fn every_case_of_a_family_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::write(folder.path().join(name).with_extension("case"), name).unwrap();
            fs::write(folder.path().join(name).with_extension("golden"), "other").unwrap();
        }
        check_cases(folder.path(), "case", str::to_owned);
    }

    #[test]
    #[should_panic(expected = "its case is gone")]
    fn a_golden_without_a_case_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.case", "a.golden", "b.golden"] {
            fs::write(folder.path().join(name), "same").unwrap();
        }
        check_cases(folder.path(), "case", str::to_owned);
    }
}
