terraform import emissary_log_service.example default/access-log
