terraform import emissary_host.example default/example-com
