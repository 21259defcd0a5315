terraform import emissary_release.example emissary/emissary-ingress
