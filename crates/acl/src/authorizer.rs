//! Who says yes or no.

use tribune_types::Token;

use crate::{Permission, Resource};

/// Says what a request may do. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizer(Rules);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    DenyAll,
    AllowAll,
    Management,
}

impl Authorizer {
    /// Allows nothing.
    #[must_use]
    pub const fn deny_all() -> Self {
        Self(Rules::DenyAll)
    }

    /// Allows everything but the management of the ACL system: what everybody has while ACLs are off.
    #[must_use]
    pub const fn allow_all() -> Self {
        Self(Rules::AllowAll)
    }

    /// Allows everything.
    #[must_use]
    pub const fn management() -> Self {
        Self(Rules::Management)
    }

    /// Whether `permission` is granted.
    #[must_use]
    pub const fn allows(&self, permission: Permission<'_>) -> bool {
        match self.0 {
            Rules::DenyAll => false,
            Rules::AllowAll => !matches!(permission, Permission::Acl(_)),
            Rules::Management => true,
        }
    }

    /// Whether there could be a thing of this kind that it may act on so: what is asked before the thing is
    /// known, for instance before the body of a request is read.
    #[must_use]
    pub const fn could_allow(&self, resource: Resource) -> bool {
        match self.0 {
            Rules::DenyAll => false,
            Rules::AllowAll => !matches!(resource, Resource::Acl),
            Rules::Management => true,
        }
    }

    /// Whether every row can be seen, so that none needs a look.
    #[must_use]
    pub const fn sees_all(&self) -> bool {
        !matches!(self.0, Rules::DenyAll)
    }

    /// Equal for authorisers that decide alike; keys copies of values that were filtered for one.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.0 as u64
    }
}

/// Turns a token into what it may do.
pub trait Resolver: Send + Sync + 'static {
    /// What the holder of `token` may do now.
    ///
    /// # Errors
    /// Where there is no such token, or nobody can be asked about it.
    fn resolve(&self, token: &Token) -> Result<Authorizer, ResolveError>;
}

/// Every token gets the same authoriser: while ACLs are off, and in tests.
impl Resolver for Authorizer {
    fn resolve(&self, _: &Token) -> Result<Self, ResolveError> {
        Ok(self.clone())
    }
}

/// Why a token says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no such token.
    #[error("ACL not found")]
    NotFound,
}

#[cfg(test)]
mod tests {
    use tribune_types::{NodeName, ServiceName};

    use super::*;
    use crate::Access;

    #[test]
    fn each_authorizer_decides_as_its_name_says() {
        let (service, node) = (ServiceName::new("web"), NodeName::new("n1"));
        let rows = [
            (Permission::Service(&service, Access::Write), true),
            (Permission::Node(&node, Access::Read), true),
            (Permission::Operator(Access::Write), true),
            (Permission::Keyring(Access::Write), true),
            (Permission::Snapshot, true),
            (Permission::Acl(Access::Read), false),
        ];
        for (permission, everybody) in rows {
            assert!(!Authorizer::deny_all().allows(permission), "{permission}");
            assert!(Authorizer::management().allows(permission), "{permission}");
            assert_eq!(
                Authorizer::allow_all().allows(permission),
                everybody,
                "{permission}"
            );
        }
        assert!(!Authorizer::deny_all().could_allow(Resource::Service));
        assert!(Authorizer::allow_all().could_allow(Resource::Service));
        assert!(!Authorizer::allow_all().could_allow(Resource::Acl));
    }

    #[test]
    fn a_permission_says_what_it_is_about() {
        let service = ServiceName::new("web");
        assert_eq!(
            Permission::Service(&service, Access::Write).to_string(),
            "service:write on \"web\""
        );
        assert_eq!(
            Permission::Operator(Access::Read).to_string(),
            "operator:read"
        );
        assert_eq!(
            Permission::Keyring(Access::Write).to_string(),
            "keyring:write"
        );
        assert_eq!(Permission::Snapshot.to_string(), "acl:write");
    }

    #[test]
    fn authorizers_that_decide_differently_have_other_fingerprints() {
        let prints = [
            Authorizer::deny_all(),
            Authorizer::allow_all(),
            Authorizer::management(),
        ]
        .map(|a| a.fingerprint());
        assert!(prints[0] != prints[1] && prints[1] != prints[2] && prints[0] != prints[2]);
    }
}
