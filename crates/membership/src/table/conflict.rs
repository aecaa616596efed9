//! Members that claim the same name or the same ID.
//!
//! The one that was there first stays while it is alive, and the other one is not shown to anybody.

use uuid::Uuid;

use crate::event::Event;
use crate::member::{Member, Status};
use crate::peer::Who;

use super::Table;

// === impl Table ===

impl Table {
    /// The one that is alive and has this name or this ID, if somebody else has.
    pub(crate) fn holder<'a>(&'a self, who: &'a Who) -> Option<&'a Member> {
        self.rivals(who).find(|member| is_alive(member))
    }

    /// Those who are shown under the same name or the same ID.
    fn rivals<'a>(&'a self, who: &'a Who) -> impl Iterator<Item = &'a Member> {
        let same_name = self.named(&who.name);
        let same_id = self
            .ids
            .range(
                (
                    who.id,
                    Who {
                        name: "".into(),
                        id: Uuid::nil(),
                    },
                )..,
            )
            .take_while(|(id, _)| *id == who.id)
            .filter_map(|(_, rival)| self.records.get(rival));
        same_name
            .chain(same_id)
            .filter(|record| record.peer.who.conflicts(who))
            .filter_map(|record| record.shown.as_ref())
    }

    /// Makes room for a member among those that are shown. Whether there is.
    pub(super) fn take_place(&mut self, who: &Who, wanted: &Member) -> bool {
        let in_the_way = self
            .rivals(who)
            .find(|rival| is_alive(rival) || !is_alive(wanted));
        if let Some(rival) = in_the_way {
            if !self.hidden.contains(who) {
                warn(rival, wanted);
            }
            self.hidden.insert(who.clone());
            return false;
        }
        let older: Vec<Who> = self.rivals(who).map(Who::of).collect();
        self.hidden.remove(who);
        for gone in older {
            let shown = self
                .records
                .get_mut(&gone)
                .and_then(|record| record.shown.take());
            self.events.extend(shown.map(Event::Reaped));
            self.hidden.insert(gone);
        }
        true
    }

    /// Shows those whose place has become free.
    pub(super) fn reveal(&mut self) {
        for who in std::mem::take(&mut self.hidden) {
            let before = self.hidden.len();
            self.show(&who);
            if self.hidden.len() == before && !self.is_shown(&who) {
                self.hidden.insert(who);
            }
        }
    }

    fn is_shown(&self, who: &Who) -> bool {
        self.records
            .get(who)
            .is_some_and(|record| record.shown.is_some())
    }
}

const fn is_alive(member: &Member) -> bool {
    matches!(member.status, Status::Alive | Status::Leaving)
}

fn warn(rival: &Member, newcomer: &Member) {
    tracing::warn!(
        name = newcomer.name,
        id = %newcomer.id,
        address = %newcomer.address,
        taken_by = rival.name,
        taken_by_id = %rival.id,
        taken_by_address = %rival.address,
        "a member claims a name or an ID that another one has; it is ignored while that one is there"
    );
}
