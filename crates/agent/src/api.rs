//! The HTTP API of an agent: what it knows itself it answers, the rest its server does.

use std::sync::Arc;

use tribune_acl::{Access, Authorizer, Permission, Resolver};
use tribune_types::Token;
use tribune_types::call::{AgentRequest, Answer, CallError, Options, Request};

use crate::agent::Agent;
use crate::requests;

/// An agent as the HTTP API sees it.
pub(crate) struct AgentApi {
    pub(crate) agent: Arc<Agent>,
    pub(crate) resolver: Arc<dyn Resolver>,
}

impl tribune_http::Api for AgentApi {
    fn authorizer(&self, token: &Token) -> Result<Authorizer, CallError> {
        self.resolver
            .resolve(self.agent.token_or_default(token))
            .map_err(|_| CallError::UnknownToken)
    }

    async fn call(
        &self,
        request: Request,
        mut options: Options,
        authorizer: Authorizer,
    ) -> Result<Answer, CallError> {
        options.token = self.agent.token_or_default(&options.token).clone();
        let servers = &self.agent.servers;
        let caller = Caller {
            agent: &self.agent,
            options: &options,
            authorizer: &authorizer,
        };
        match request {
            Request::Query(query) => servers.query(&query, &options).await,
            Request::Write(write) => servers.write(write, &options).await,
            Request::Agent(request) => agent_request(&caller, request).await,
        }
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
    use requests::{checks, health, myself, services};
    match request {
        AgentRequest::Myself => myself::describe(caller),
        AgentRequest::Version => Ok(myself::version()),
        AgentRequest::Members { wan, segment } => myself::members(caller, wan, &segment),
        AgentRequest::Proxies => myself::proxies(caller),
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
