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
            local_bind_port  = 9101
          }
        ]
      }
    }
  }
}
