//! Config entries, intentions and the certificate authority.

use std::sync::Arc;

use serde_json::json;
use tribune_state::{Operation, Outcome};
use tribune_types::config_entry::{Entry, Key, Kind};
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::{Index, ServiceName};

use crate::support::*;

fn defaults(name: &str, protocol: &str) -> Arc<Entry> {
    entry(
        Kind::ServiceDefaults,
        json!({ "Name": name, "Protocol": protocol }),
    )
}

fn intentions(destination: &str, sources: &[&str]) -> Arc<Entry> {
    let sources: Vec<_> = sources
        .iter()
        .map(|name| json!({ "Name": name, "Action": "allow" }))
        .collect();
    entry(
        Kind::ServiceIntentions,
        json!({ "Name": destination, "Sources": sources }),
    )
}

fn put_if(entry: &Arc<Entry>, cas: Index) -> Operation {
    Operation::PutConfigEntry {
        entry: Arc::clone(entry),
        cas: Some(cas),
        checked_at: None,
    }
}

fn delete_if(key: Key, cas: Option<Index>) -> Operation {
    Operation::DeleteConfigEntry {
        key,
        cas,
        checked_at: None,
    }
}

#[test]
fn an_entry_keeps_its_create_index_and_every_entry_shares_one_table_index() {
    let mut tables = Tables::default();
    let first = tables.done(put(&defaults("web", "tcp")));
    let second = tables.done(put(&defaults("web", "http")));
    let third = tables.done(put(&defaults("api", "http")));
    let read = tables.read();
    let web = read.config_entry(&defaults("web", "").key(), &mut ignore());
    let stored = web.value.unwrap();
    assert_eq!(
        (web.index, stored.create_index, stored.modify_index),
        (third, first, second)
    );
    assert_eq!(
        read.config_entries(Some(Kind::ServiceDefaults), &mut ignore())
            .value
            .len(),
        2
    );
    assert_eq!(
        read.config_entries(Some(Kind::ProxyDefaults), &mut ignore())
            .value
            .len(),
        0
    );
    assert_eq!(read.config_entries(None, &mut ignore()).value.len(), 2);
    assert_eq!(read.config_index(), third);
}

#[test]
fn writing_what_is_stored_succeeds_whatever_the_condition_and_keeps_the_index() {
    let mut tables = Tables::default();
    let index = tables.done(put(&defaults("web", "http")));
    let applied = tables.apply(put_if(&defaults("web", "http"), 999));
    assert_eq!(
        (applied.outcome, applied.changes.keys),
        (Outcome::Cas(true), vec![])
    );
    assert_eq!(tables.read().config_index(), index);
}

#[test]
fn a_conditional_write_happens_only_at_the_index_it_names() {
    let mut tables = Tables::default();
    let mut outcome = |operation| tables.apply(operation).outcome;
    assert_eq!(
        outcome(put_if(&defaults("web", "tcp"), 5)),
        Outcome::Cas(false)
    );
    assert_eq!(
        outcome(put_if(&defaults("web", "tcp"), 0)),
        Outcome::Cas(true)
    );
    assert_eq!(
        outcome(put_if(&defaults("web", "http"), 0)),
        Outcome::Cas(false)
    );
    assert_eq!(
        outcome(put_if(&defaults("web", "http"), 2)),
        Outcome::Cas(true)
    );
    let key = defaults("web", "").key();
    assert_eq!(
        outcome(delete_if(key.clone(), Some(2))),
        Outcome::Cas(false)
    );
    assert_eq!(outcome(delete_if(key.clone(), Some(4))), Outcome::Cas(true));
    assert_eq!(
        outcome(delete_if(key.clone(), Some(7))),
        Outcome::Cas(true),
        "what is gone is gone"
    );
    assert_eq!(outcome(delete_if(key, None)), Outcome::Done);
}

#[test]
fn a_write_checked_against_older_entries_is_refused() {
    let mut tables = Tables::default();
    let old = tables.done(put(&defaults("web", "tcp")));
    let now = tables.done(put(&defaults("api", "tcp")));
    let write = |checked_at| Operation::PutConfigEntry {
        entry: defaults("web", "http"),
        cas: None,
        checked_at: Some(checked_at),
    };
    assert!(tables.refused(write(old)).contains("checked at 1"));
    tables.done(write(now));
}

#[test]
fn intentions_are_found_by_destination_and_by_source() {
    let mut tables = Tables::default();
    tables.done(put(&intentions("api", &["web", "*"])));
    tables.done(put(&intentions("*", &["web"])));
    tables.done(put(&intentions("db", &["api"])));
    let read = tables.read();
    let names = |found: Vec<tribune_state::Stored>| -> Vec<String> {
        found
            .iter()
            .map(|stored| stored.entry.key().name.to_string())
            .collect()
    };
    let to = |name| {
        names(
            read.intentions_for(&ServiceName::new(name), &mut ignore())
                .value,
        )
    };
    let from = |name| {
        names(
            read.intentions_from(&ServiceName::new(name), &mut ignore())
                .value,
        )
    };
    assert_eq!(to("api"), ["api", "*"]);
    assert_eq!(to("ghost"), ["*"]);
    assert_eq!(to("*"), ["*"]);
    assert_eq!(from("web"), ["*", "api"]);
    assert_eq!(
        from("api"),
        ["api", "db"],
        "every source means this one too"
    );

    tables.done(put(&intentions("api", &["other"])));
    tables.done(delete_if(intentions("*", &["web"]).key(), None));
    let read = tables.read();
    let from = |name| {
        names(
            read.intentions_from(&ServiceName::new(name), &mut ignore())
                .value,
        )
    };
    assert!(from("web").is_empty());
    assert_eq!(from("other"), ["api"]);
}

#[test]
fn an_entry_gives_its_service_a_virtual_address_until_nothing_needs_it() {
    let mut tables = Tables::default();
    tables.done(put(&intentions("*", &["web"])));
    tables.done(put(&defaults("web", "http")));
    tables.done(put(&intentions("web", &["api"])));
    let address = |tables: &Tables| {
        tables
            .read()
            .virtual_ip(&named("web"), &mut ignore())
            .value
            .map(|row| row.address.to_string())
    };
    assert_eq!(
        address(&tables).as_deref(),
        Some("240.0.0.1"),
        "the wildcard took none"
    );
    tables.done(delete_if(defaults("web", "").key(), None));
    assert_eq!(address(&tables).as_deref(), Some("240.0.0.1"));
    tables.done(delete_if(intentions("web", &["api"]).key(), None));
    assert_eq!(address(&tables), None);
}

fn root(id: &str, active: bool) -> CaRoot {
    CaRoot {
        id: id.to_owned(),
        active,
        ..CaRoot::default()
    }
}

fn set_roots(roots: Vec<CaRoot>, cas: Option<Index>) -> Operation {
    Operation::SetCaRoots {
        roots,
        configuration: None,
        cas,
    }
}

#[test]
fn roots_are_replaced_together_and_exactly_one_is_active() {
    let mut tables = Tables::default();
    assert!(
        tables
            .refused(set_roots(vec![root("a", false)], None))
            .contains("not 0")
    );
    assert!(
        tables
            .refused(set_roots(vec![root("a", true), root("b", true)], None))
            .contains("not 2")
    );
    assert!(
        tables
            .refused(set_roots(vec![root("", true)], None))
            .contains("no ID")
    );
    let first = tables.done(set_roots(vec![root("a", true)], Some(0)));
    assert_eq!(
        tables
            .apply(set_roots(vec![root("b", true)], Some(0)))
            .outcome,
        Outcome::Cas(false)
    );
    let second = tables.done(set_roots(
        vec![root("a", false), root("b", true)],
        Some(first),
    ));
    let roots = tables.read().ca_roots(&mut ignore());
    let indexes: Vec<_> = roots
        .value
        .iter()
        .map(|root| (root.create_index, root.modify_index))
        .collect();
    assert_eq!(
        (roots.index, indexes),
        (second, vec![(first, second), (second, second)])
    );
}

#[test]
fn roots_and_configuration_change_together_or_not_at_all() {
    let mut tables = Tables::default();
    let configuration = |cluster: &str, modify_index| {
        Box::new(CaConfiguration {
            cluster_id: cluster.to_owned(),
            modify_index,
            ..CaConfiguration::default()
        })
    };
    let first = tables.done(Operation::SetCaConfiguration {
        configuration: configuration("c1", 0),
        cas: Some(0),
    });
    let both = |index| Operation::SetCaRoots {
        roots: vec![root("a", true)],
        configuration: Some(configuration("c2", index)),
        cas: Some(0),
    };
    assert_eq!(tables.apply(both(99)).outcome, Outcome::Cas(false));
    assert!(tables.read().ca_roots(&mut ignore()).value.is_empty());
    let second = tables.done(both(first));
    let stored = tables.read().ca_configuration(&mut ignore());
    let row = stored.value.unwrap();
    assert_eq!(
        (stored.index, row.create_index, row.cluster_id.as_str()),
        (second, first, "c1"),
        "a cluster keeps its ID"
    );
    assert_eq!(tables.read().ca_roots(&mut ignore()).value.len(), 1);
}
