//! Routers and splitters.

use tribune_types::ServiceName;
use tribune_types::config_entry::{
    self, HeaderModifiers, LoadBalancer, RouteDestination, RouteHttpMatch, RouteMatch,
    ServiceRouter, ServiceSplitter,
};

use super::target::Resolving;
use super::{CompileError, Compiler, DEEPEST, MOST_SPLITS};
use crate::chain::{Node, Route, Router, Split, Splitter};
use crate::names::qualified;

impl Compiler<'_> {
    /// Compiles the chain's router, and all that it leads to; its key.
    pub(super) fn router(&mut self, router: &ServiceRouter) -> Result<String, CompileError> {
        let own = self.request.service;
        self.advanced = true;
        self.agree(own)?;
        let mut routes = Vec::with_capacity(router.routes().len() + 1);
        for route in router.routes() {
            let (service, subset) = match &route.destination {
                Some(destination) if destination.service.is_empty() => {
                    (own.clone(), destination.service_subset.as_str())
                }
                Some(destination) => (
                    ServiceName::new(destination.service.as_str()),
                    destination.service_subset.as_str(),
                ),
                None => (own.clone(), ""),
            };
            let next_node = if subset.is_empty() {
                self.splitter_or_resolver(&service)?
            } else {
                self.resolver(Resolving::of(&service, subset))?
            };
            routes.push(Route {
                definition: route.clone(),
                next_node,
            });
        }
        routes.push(Route {
            definition: everything_else(own),
            next_node: self.splitter_or_resolver(own)?,
        });
        let name = qualified(own);
        let key = format!("router:{name}");
        self.nodes
            .insert(key.clone(), Node::Router(Router { name, routes }));
        Ok(key)
    }

    /// Compiles the splitter of a service, and all that it leads to; its key, `None` where it has none.
    pub(super) fn splitter(
        &mut self,
        service: &ServiceName,
    ) -> Result<Option<String>, CompileError> {
        let Some(splitter) = self.facts.splitter(service) else {
            return Ok(None);
        };
        if !self.takes_requests_apart() {
            return Ok(None);
        }
        let name = qualified(service);
        let key = format!("splitter:{name}");
        if self.nodes.contains_key(&key) {
            return Ok(Some(key));
        }
        if self.path.contains(&key) {
            let mut path = std::mem::take(&mut self.path);
            path.push(key);
            return Err(CompileError::CircularReference(path));
        }
        if self.path.len() == DEEPEST {
            return Err(CompileError::TooDeep(service.clone()));
        }
        self.advanced = true;
        self.agree(service)?;
        self.path.push(key.clone());
        let (splits, load_balancer) = self.splits(service, &splitter)?;
        self.path.pop();
        let node = Node::Splitter(Splitter {
            name,
            splits,
            load_balancer,
        });
        self.nodes.insert(key.clone(), node);
        Ok(Some(key))
    }

    /// The shares of a splitter, those of the splitters after it among them, and how requests are spread by
    /// the first resolver that goes by their hashes.
    fn splits(
        &mut self,
        own: &ServiceName,
        splitter: &ServiceSplitter,
    ) -> Result<(Vec<Split>, Option<LoadBalancer>), CompileError> {
        let mut splits = Vec::with_capacity(splitter.raw().splits.len());
        let mut load_balancer = None;
        for split in &splitter.raw().splits {
            let service = if split.service.is_empty() {
                own.clone()
            } else {
                ServiceName::new(split.service.as_str())
            };
            let mut next_splitter = None;
            if service != *own && split.service_subset.is_empty() {
                next_splitter = self.splitter(&service)?;
            }
            if let Some(key) = next_splitter {
                self.inherited = true;
                self.inherit(&mut splits, split, &key);
            } else {
                let next_node = self.resolver(Resolving::of(&service, &split.service_subset))?;
                load_balancer = load_balancer.or_else(|| self.hashing(&next_node));
                splits.push(Split {
                    definition: split.clone(),
                    weight: split.weight,
                    next_node,
                });
            }
            if splits.len() > MOST_SPLITS {
                return Err(CompileError::TooManySplits(own.clone()));
            }
        }
        Ok((splits, load_balancer))
    }

    /// Takes over the shares of the splitter that a share goes to.
    fn inherit(&self, splits: &mut Vec<Split>, of: &config_entry::Split, key: &str) {
        let Some(Node::Splitter(next)) = self.nodes.get(key) else {
            return;
        };
        splits.extend(next.splits.iter().map(|split| Split {
            definition: merged(of, &split.definition),
            weight: split.weight.of(of.weight),
            next_node: split.next_node.clone(),
        }));
    }

    fn hashing(&self, key: &str) -> Option<LoadBalancer> {
        let load_balancer = &self.nodes.get(key)?.as_resolver()?.load_balancer;
        load_balancer.clone().filter(LoadBalancer::is_hash_based)
    }
}

/// A split as it is behind another one: the inner one's word on requests, which come to it last, and the outer
/// one's on responses.
fn merged(outer: &config_entry::Split, inner: &config_entry::Split) -> config_entry::Split {
    let merge = |first: &Option<HeaderModifiers>, last: &Option<HeaderModifiers>| {
        HeaderModifiers::merge(first.as_ref(), last.as_ref())
    };
    config_entry::Split {
        request_headers: merge(&outer.request_headers, &inner.request_headers),
        response_headers: merge(&inner.response_headers, &outer.response_headers),
        ..inner.clone()
    }
}

/// The route of what no other route matches.
fn everything_else(own: &ServiceName) -> config_entry::Route {
    let http = RouteHttpMatch {
        path_prefix: "/".to_owned(),
        ..RouteHttpMatch::default()
    };
    config_entry::Route {
        r#match: Some(RouteMatch { http: Some(http) }),
        destination: Some(RouteDestination {
            service: own.name.to_string(),
            namespace: own.tenancy.namespace().to_owned(),
            partition: own.tenancy.partition().to_owned(),
            ..RouteDestination::default()
        }),
    }
}
