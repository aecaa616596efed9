# A second instance of api. It gets its share of the requests once it is reported ready.
service {
  id   = "api-2"
  name = "api"
  port = 8082

  connect {
    sidecar_service {
      port = 21002

      # Critical until `PUT /v1/agent/check/pass/api-2-ready`.
      check {
        id   = "api-2-ready"
        name = "Ready for requests"
        ttl  = "24h"
      }
    }
  }
}
