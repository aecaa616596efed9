# A second instance of api. It gets its share of the requests once it reports itself ready.
service {
  id   = "api-2"
  name = "api"
  port = 8082

  # Critical until `PUT /v1/agent/check/pass/api-2-ready`; the sidecar is as healthy as its service.
  check {
    id   = "api-2-ready"
    name = "Ready for requests"
    ttl  = "24h"
  }

  connect {
    sidecar_service {
      port = 21002
    }
  }
}
