terraform import emissary_crds.example getambassador.io
