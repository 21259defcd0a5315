terraform import emissary_mapping.example default/quote
