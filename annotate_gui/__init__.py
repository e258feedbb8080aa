"""The browser page on which a person confirms annotations. Imports mmdgen, never the reverse.

A browser sends actions and asks for pictures; both know models by their id only.

    browser -api-> Desk: who has which model, what people said, what can be undone
                     | journal (every action, append-only)   | AnnotationStore (the truth)
    browser -api-> Studio -one process with the OpenGL context-> pictures
"""
