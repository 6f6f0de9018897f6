MODES = []


def serve(request, template, mode): ...
