terraform import emissary_kustomization.example ./shop
