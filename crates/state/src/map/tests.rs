use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Map;
use super::node::{MAX, Node, Rows};

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u32),
    Remove(u16),
    Change(u16, u32),
    Hold,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0_u16..600;
    prop::collection::vec(
        prop_oneof![
            8 => (key.clone(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
            7 => key.clone().prop_map(Step::Remove),
            2 => (key, any::<u32>()).prop_map(|(key, value)| Step::Change(key, value)),
            1 => Just(Step::Hold),
        ],
        0..1500,
    )
}

fn same(map: &Map<u16, u32>, model: &BTreeMap<u16, u32>) {
    assert_eq!(map.len(), model.len());
    assert!(map.iter().eq(model.iter()));
    check(&map.root, None, true);
}

/// Height of a node, whose keys must lie within bounds and whose children must be of one height.
fn check(node: &Node<u16, u32>, from: Option<u16>, root: bool) -> usize {
    assert!(node.len() <= MAX);
    match &node.rows {
        Rows::Leaf(entries) => {
            assert!(entries.is_sorted_by(|a, b| a.0 < b.0));
            assert!(from.is_none_or(|from| entries.iter().all(|entry| from <= entry.0)));
            1
        }
        Rows::Branch(children) => {
            assert!(!root || children.len() > 1);
            let below = |at: usize| check(&children[at].1, (at > 0).then(|| children[at].0), false);
            let height = below(0);
            assert!((1..children.len()).all(|at| below(at) == height));
            height + 1
        }
    }
}

proptest! {
    #[test]
    fn a_map_does_what_an_ordered_map_does_and_its_clones_never_change(steps in steps(), probe in 0_u16..600) {
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        let mut held = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                Step::Remove(key) => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                Step::Change(key, value) => {
                    if let Some(old) = map.get_mut(&key) {
                        *old = value;
                    }
                    if let Some(old) = model.get_mut(&key) {
                        *old = value;
                    }
                }
                Step::Hold => held.push((map.clone(), model.clone())),
            }
        }
        same(&map, &model);
        prop_assert_eq!(map.get(&probe), model.get(&probe));
        prop_assert!(map.range_from(&probe).eq(model.range(probe..)));
        for (map, model) in &held {
            same(map, model);
        }
    }
}

#[test]
fn keys_in_order_fill_their_nodes_and_an_emptied_map_is_small_again() {
    let mut map: Map<u16, u32> = (0..10_000).map(|key| (key, 0)).collect();
    let Rows::Branch(children) = &map.root.rows else {
        panic!("a large map has branches")
    };
    assert!(children.len() <= 10_000 / MAX / MAX + 1);
    for key in 0..10_000 {
        assert_eq!(map.remove(&key), Some(0));
    }
    assert!(map.is_empty() && matches!(&map.root.rows, Rows::Leaf(entries) if entries.is_empty()));
}

#[test]
fn a_write_that_nobody_else_sees_is_made_in_place() {
    let mut map: Map<u16, u32> = (0..1000).map(|key| (key, 0)).collect();
    let before = std::sync::Arc::as_ptr(&map.root);
    *map.get_mut(&500).unwrap() = 1;
    assert_eq!(std::sync::Arc::as_ptr(&map.root), before);
    let held = map.clone();
    *map.get_mut(&500).unwrap() = 2;
    assert_ne!(std::sync::Arc::as_ptr(&map.root), before);
    assert_eq!(held.get(&500), Some(&1));
}

#[test]
fn keys_of_text_are_found_however_much_they_share() {
    use tribune_types::{InstanceName, Name, NodeName};
    let name = |at: u32| match at % 4 {
        0 => format!("service-{at:05}"),
        1 => format!("SERVICE-{at:05}-{at}"),
        2 => format!("s{at}"),
        _ => "service-".repeat((at % 7) as usize) + &at.to_string(),
    };
    let key = |at: u32| InstanceName {
        node: NodeName::new(name(at)),
        id: Name::from(name(at / 3)),
    };
    let mut map = Map::new();
    let mut model = BTreeMap::new();
    // A step that has no factor in common with the number of keys reaches all of them, in no order.
    for at in (0..6000).map(|at| at * 3539 % 6000) {
        assert_eq!(map.insert(key(at), at), model.insert(key(at), at));
    }
    assert!(map.iter().eq(model.iter()));
    for at in (0..6000).filter(|at| at % 5 != 0) {
        assert_eq!(map.remove(&key(at)), model.remove(&key(at)));
        assert_eq!(map.get(&key(at / 2)), model.get(&key(at / 2)));
    }
    assert!(map.iter().eq(model.iter()));
    assert!((0..6000).all(|at| map.range_from(&key(at)).next() == model.range(key(at)..).next()));
}

#[test]
fn checks_are_ordered_by_status_and_then_by_node() {
    use tribune_types::{Name, NodeName, Status};

    use crate::tables::CheckName;
    let statuses = ["passing", "warning", "critical", "odd", "odder"];
    let key = |at: usize| {
        let node = NodeName::new(format!("node-{:03}", at % 211));
        (
            Status::from(statuses[at % 5]),
            CheckName {
                node,
                id: Name::from(at.to_string()),
            },
        )
    };
    let all = || (0..2000).map(|at| at * 1187 % 2000);
    let map: Map<_, usize> = all().map(|at| (key(at), at)).collect();
    let model: BTreeMap<_, usize> = all().map(|at| (key(at), at)).collect();
    assert!(map.iter().eq(model.iter()));
    assert!(all().all(|at| map.get(&key(at)) == Some(&at)));
}
