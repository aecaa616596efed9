# The caller: it reaches api through its sidecar, on a port of its own machine.
service {
  name = "web"
  port = 8080

  connect {
    sidecar_service {
      port = 21000

      proxy {
        upstreams = [
          {
            destination_name = "api"
            local_bind_port  = 9191
          }
        ]
      }

      # The sidecar is as healthy as the service it stands for.
      check {
        name          = "As healthy as web"
        alias_service = "web"
      }
    }
  }
}
