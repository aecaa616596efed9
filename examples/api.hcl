# The service that is called.
service {
  name = "api"
  port = 8081

  connect {
    sidecar_service {
      port = 21001

      # The sidecar is as healthy as the service it stands for.
      check {
        name          = "As healthy as api"
        alias_service = "api"
      }
    }
  }
}
