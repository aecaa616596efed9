//! One name of one type: what exists, what the client wants of it, and what it holds.

use std::sync::Arc;

use crate::message::{Children, Resource, Version};

/// What a client asks of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Interest {
    /// It has not mentioned the type yet.
    #[default]
    None,
    /// The names that it subscribed to.
    Named,
    /// Everything that exists, and the names that it subscribed to.
    All,
}

/// What the client is known to hold of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Nothing,
    /// Something that it applied out of a response that it refused as a whole. It must be told again, and would not
    /// claim it after a reconnect.
    Unclaimed,
    /// Something, and it must be told again what the current state is.
    Something,
    Version(Version),
}

#[derive(Debug)]
pub(super) struct Rejection {
    pub(super) version: Version,
    pub(super) reason: Arc<str>,
}

#[derive(Debug)]
pub(super) struct Current<B> {
    pub(super) version: Version,
    pub(super) body: B,
    pub(super) children: Children,
}

#[derive(Debug)]
pub(super) struct Entry<B> {
    pub(super) name: Arc<str>,
    pub(super) current: Option<Current<B>>,
    pub(super) held: Held,
    pub(super) rejected: Option<Box<Rejection>>,
    /// The client asked for this very name.
    pub(super) subscribed: bool,
    /// It was sent on this stream.
    pub(super) sent: bool,
}

/// What an entry needs so that the client ends up right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Upsert,
    Removal,
}

// === impl Entry ===

impl<B> Entry<B> {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            current: None,
            held: Held::Nothing,
            rejected: None,
            subscribed: false,
            sent: false,
        }
    }

    pub(super) fn supply(&mut self, resource: Resource<B>) {
        let Resource {
            name,
            version,
            body,
            children,
        } = resource;
        if self
            .rejected
            .as_ref()
            .is_some_and(|rejection| rejection.version != version)
        {
            self.rejected = None;
        }
        self.name = name;
        self.current = Some(Current {
            version,
            body,
            children,
        });
    }

    /// The client must be told again, if it holds anything.
    pub(super) fn unsettle(&mut self) {
        if let Held::Version(_) = self.held {
            self.held = Held::Something;
        }
    }

    /// The client has most likely done what it was told, but counts the response as refused.
    pub(super) fn done_but_refused(&mut self, removal: bool) {
        self.held = match self.held {
            Held::Nothing | Held::Unclaimed if removal => Held::Nothing,
            Held::Nothing | Held::Unclaimed => Held::Unclaimed,
            Held::Something | Held::Version(_) => Held::Something,
        };
    }

    pub(super) fn forget(&mut self) {
        self.held = Held::Nothing;
        self.rejected = None;
        self.sent = false;
    }

    /// The rejection of the current version.
    pub(super) fn rejection(&self) -> Option<&Rejection> {
        let (rejection, current) = (self.rejected.as_deref()?, self.current.as_ref()?);
        (rejection.version == current.version).then_some(rejection)
    }

    pub(super) fn due(&self, interest: Interest) -> Due {
        if interest != Interest::All && !self.subscribed {
            return Due::Nothing;
        }
        match &self.current {
            None if self.held == Held::Nothing => Due::Nothing,
            None => Due::Removal,
            Some(current) if self.held == Held::Version(current.version) => Due::Nothing,
            Some(_) if self.rejection().is_some() => Due::Nothing,
            Some(_) => Due::Upsert,
        }
    }
}
