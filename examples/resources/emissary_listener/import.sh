terraform import emissary_listener.example default/https
