//! The HTTP API of an agent: what it knows itself it answers, the rest its server does.

use std::sync::Arc;

use tribune_acl::{Access, Authorizer, Permission, Resolver};
use tribune_http::{Chunks, Streamed};
use tribune_types::Token;
use tribune_types::call::{AgentRequest, Answer, CallError, Options, Request, StreamRequest};

use crate::agent::Agent;
use crate::cluster::ForceLeave;
use crate::requests;

/// An agent as the HTTP API sees it.
pub(crate) struct AgentApi {
    pub(crate) agent: Arc<Agent>,
    pub(crate) resolver: Arc<dyn Resolver>,
}

impl tribune_http::Api for AgentApi {
    fn authorizer(&self, token: &Token) -> Result<Authorizer, CallError> {
        self.resolver
            .resolve(&self.agent.token_or_default(token))
            .map_err(|_| CallError::UnknownToken)
    }

    async fn call(
        &self,
        request: Request,
        mut options: Options,
        authorizer: Authorizer,
    ) -> Result<Answer, CallError> {
        options.token = self.agent.token_or_default(&options.token);
        let servers = &self.agent.servers;
        let caller = Caller {
            agent: &self.agent,
            options: &options,
            authorizer: &authorizer,
        };
        match request {
            Request::Query(query) => servers.query(&query, &options).await,
            Request::Write(write) => servers.write(write, &options).await,
            Request::Operator(request) => requests::operator::answer(&caller, request).await,
            Request::Agent(request) => agent_request(&caller, request).await,
        }
    }

    async fn stream(
        &self,
        request: StreamRequest,
        body: Chunks,
        mut options: Options,
        authorizer: Authorizer,
    ) -> Result<Streamed, CallError> {
        options.token = self.agent.token_or_default(&options.token);
        let caller = Caller {
            agent: &self.agent,
            options: &options,
            authorizer: &authorizer,
        };
        requests::streams::answer(&self.agent, &caller, request, body).await
    }
}

/// Who asks an agent for something, and how.
pub(crate) struct Caller<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) options: &'a Options,
    pub(crate) authorizer: &'a Authorizer,
}

impl Caller<'_> {
    /// Goes on only where the caller may do this.
    pub(crate) fn require(&self, permission: Permission<'_>) -> Result<(), CallError> {
        if self.authorizer.allows(permission) {
            return Ok(());
        }
        Err(CallError::Denied(format!("the token lacks {permission}")))
    }

    pub(crate) fn sees_service(&self, service: &tribune_types::ServiceName) -> bool {
        self.authorizer
            .allows(Permission::Service(service, Access::Read))
    }
}

async fn agent_request(caller: &Caller<'_>, request: AgentRequest) -> Result<Answer, CallError> {
    use requests::{checks, health, host, members, myself, proxies, services};
    match request {
        AgentRequest::Myself => myself::describe(caller).await,
        AgentRequest::Version => Ok(myself::version()),
        AgentRequest::Members { wan, segment } => members::list(caller, wan, &segment).await,
        AgentRequest::Join { address, wan } => members::join(caller, address, wan).await,
        AgentRequest::Leave => members::leave(caller).await,
        AgentRequest::ForceLeave { node, prune, wan } => {
            members::force_leave(caller, ForceLeave { node, prune, wan }).await
        }
        AgentRequest::Reload => members::reload(caller).await,
        AgentRequest::Host => host::describe(caller),
        AgentRequest::Proxies { cluster } => proxies::list(caller, cluster).await,
        AgentRequest::Services => services::list(caller).await,
        AgentRequest::Service { id, hash } => services::one(caller, &id, &hash).await,
        AgentRequest::RegisterService {
            definition,
            replace_existing_checks,
        } => services::register(caller, *definition, replace_existing_checks).await,
        AgentRequest::DeregisterService(id) => services::deregister(caller, &id).await,
        AgentRequest::Leaf(service) => services::leaf(caller, &service).await,
        AgentRequest::Checks => checks::list(caller),
        AgentRequest::RegisterCheck(check) => checks::register(caller, *check).await,
        AgentRequest::DeregisterCheck(id) => checks::deregister(caller, &id).await,
        AgentRequest::UpdateCheck { id, status, output } => {
            checks::update(caller, &id, status, &output).await
        }
        AgentRequest::Maintenance {
            service,
            enable,
            reason,
        } => checks::maintenance(caller, service.as_ref(), enable, &reason).await,
        AgentRequest::HealthById { id, text } => health::by_id(caller, &id, text),
        AgentRequest::HealthByName { name, text } => health::by_name(caller, &name, text),
    }
}
