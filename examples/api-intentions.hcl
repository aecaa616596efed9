# web may read from api, and do nothing else.
Kind = "service-intentions"
Name = "api"

Sources = [
  {
    Name = "web"

    Permissions = [
      {
        Action = "allow"

        HTTP {
          PathPrefix = "/"
          Methods    = ["GET"]
        }
      },
      {
        Action = "deny"

        HTTP {
          PathPrefix = "/"
        }
      }
    ]
  }
]
